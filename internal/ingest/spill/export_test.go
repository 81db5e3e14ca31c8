package spill

// AppendStored is what is done with frames in haste.
func AppendStored(dst, data []byte) []byte { return appendStored(data, dst) }

// BreakFile closes the file under the writer's hands.
func (w *Writer) BreakFile() { w.pack.file.Close() }

// SlowDisk has the writer wait for wait where it waits for the disk. It must come before
// the first record.
func (w *Writer) SlowDisk(wait func()) { w.pack.wait = func(int64, int64) { wait() } }

// WriteBehind is how many bytes the disk is behind, at most.
const WriteBehind = writeBehind
