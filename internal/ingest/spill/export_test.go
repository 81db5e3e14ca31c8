package spill

// AppendStored is what is done with frames while others wait.
var AppendStored = appendStored

// BreakFile closes the file under the writer's hands.
func (w *Writer) BreakFile() { w.pack.file.Close() }
