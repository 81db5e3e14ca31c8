package spill

// AppendQuick is what is done with frames while others wait.
func AppendQuick(dst, data []byte) []byte { return newQuick().append(dst, data) }

// BreakFile closes the file under the writer's hands.
func (w *Writer) BreakFile() { w.pack.file.Close() }
