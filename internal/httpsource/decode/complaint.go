package decode

import (
	"millwright/internal/errs"
)

// complaint notes the errors that a GraphQL source gives beside its data, under
// status 200. Errors without any data are an error.
func (s *splitter) complaint() error {
	steps := s.plan.Path.steps
	if len(steps) == 0 || steps[0].kind != byName || steps[0].name != "data" {
		return nil
	}
	for _, f := range s.env.Fields {
		if f.Path != "errors[0].message" || f.Raw.Kind() != '"' {
			continue
		}
		if s.result.Rows == 0 {
			return refused(text(f.Raw))
		}
		s.result.Complaint = "the source reports an error beside its data: " + clip(text(f.Raw))
	}
	return nil
}

// refused is the error for an answer that holds errors in place of data.
func refused(message string) error {
	return errs.New(errs.Upstream, "the source answered with an error instead of data: %s", clip(message)).Named("source-error").
		Fix("correct the query or the parameters", "check the credentials")
}
