package spill

import "os"

// AppendStored is what is done with frames in haste.
func AppendStored(dst, data []byte) []byte { return appendStored(data, dst) }

// LooseIn returns how many bytes of records and rests a closed file holds as they are.
func LooseIn(path string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	foot, _, err := readFooter(f)
	if err != nil {
		return 0, err
	}
	return loose(f, foot.index)
}

// BreakFile closes the file under the writer's hands.
func (w *Writer) BreakFile() { w.pack.file.Close() }

// SlowDisk has the writer wait for wait where it waits for the disk. It must come before
// the first record.
func (w *Writer) SlowDisk(wait func()) { w.pack.wait = func(int64, int64) { wait() } }

// WriteBehind is how many bytes the disk is behind, at most.
const WriteBehind = writeBehind
