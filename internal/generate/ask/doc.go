// Package ask answers a question in plain English with a query program, without a
// language model.
//
// The question is read word by word. Words become columns (by name, label or
// synonym), values that occur in the data, the table's own noun, numbers, moments,
// or words of the trade: "per", "average", "top", "trend". What they say together is
// put into a program. Words that are none of these are counted: a question that
// speaks of something the data do not have gets no program, and a list of what is
// nearest instead. Nothing is random, so that the same question about the same data
// always gets the same answer.
package ask
