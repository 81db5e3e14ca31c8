package api

import "millwright/internal/httpsource"

// Detected says what the first answer of an API turned out to be, and why.
type Detected struct {
	ResponsePath DetectedPath    `json:"response_path"`
	Pagination   DetectedPaging  `json:"pagination"`
	Content      DetectedContent `json:"content"`
}

// A DetectedPath is where the records are.
type DetectedPath struct {
	Path     string   `json:"path" doc:"As responsePathExtractor takes it; empty for the whole answer"`
	Shape    string   `json:"shape" doc:"How it becomes rows" example:"rows"`
	Evidence string   `json:"evidence"`
	Given    bool     `json:"given" doc:"Whether a person set it"`
	Others   []string `json:"others" doc:"Other places that could have been meant"`
}

// DetectedPaging is how the next page is found.
type DetectedPaging struct {
	Kind     string `json:"kind" example:"next_url"`
	Evidence string `json:"evidence"`
	Verified bool   `json:"verified" doc:"Whether a second page was fetched and is another one"`
	Given    bool   `json:"given" doc:"Whether a person set it"`
}

// DetectedContent is what the bytes are.
type DetectedContent struct {
	Format    string   `json:"format" example:"json"`
	Charset   string   `json:"charset" example:"utf-8"`
	Encodings []string `json:"encodings" doc:"Layers of compression, outermost first"`
	Evidence  string   `json:"evidence" doc:"Where bytes and header disagree"`
}

func detectedWire(d httpsource.Detected) *Detected {
	return &Detected{
		ResponsePath: DetectedPath{Path: d.ResponsePath.Path, Shape: string(d.ResponsePath.Shape), Evidence: d.ResponsePath.Evidence,
			Given: d.ResponsePath.Given, Others: orEmpty(d.ResponsePath.Others)},
		Pagination: DetectedPaging{Kind: string(d.Pagination.Setting.Kind), Evidence: d.Pagination.Evidence, Verified: d.Pagination.Verified, Given: d.Pagination.Given},
		Content:    DetectedContent{Format: string(d.Content.Format), Charset: d.Content.Charset, Encodings: orEmpty(d.Content.Encodings), Evidence: d.Content.Evidence},
	}
}

// A Verdict says how complete records are, with the evidence.
type Verdict struct {
	State         string   `json:"state" enum:"complete,complete_unverified,limited,incomplete"`
	Reason        string   `json:"reason" example:"total-matched"`
	Message       string   `json:"message"`
	Pages         int64    `json:"pages"`
	Records       int64    `json:"records"`
	TotalClaimed  *int64   `json:"total_claimed" doc:"null if the source names none"`
	TotalFrom     string   `json:"total_from" example:"meta.total"`
	EmptyPages    int64    `json:"empty_pages"`
	ShortPages    int64    `json:"short_pages"`
	RepeatedPages int64    `json:"repeated_pages"`
	Alarms        []string `json:"alarms" doc:"What a person should look at"`
}

func verdictWire(v httpsource.Verdict) *Verdict {
	return &Verdict{State: string(v.State), Reason: v.Reason, Message: v.Message, Pages: v.Pages, Records: v.Records, TotalClaimed: v.TotalClaimed,
		TotalFrom: v.TotalFrom, EmptyPages: v.EmptyPages, ShortPages: v.ShortPages, RepeatedPages: v.RepeatedPages, Alarms: orEmpty(v.Alarms)}
}

// orEmpty returns an empty list for none, which clients read as [] and not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
