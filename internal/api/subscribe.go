package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"millwright/internal/ingest"
	"millwright/internal/job"
)

// heartbeat keeps proxies from cutting a quiet stream. Subscribers of jobs
// ignore comments; no other stream sends them.
const heartbeat = 15 * time.Second

type subscribeInput struct {
	IDInput
	LastEventID string `header:"Last-Event-ID" doc:"Continue after this event"`
}

// subscribe streams a job's events. The rules that existing clients impose: LF
// line ends, id before event before one data line, each event in one write.
func (s *Server) subscribe(ctx context.Context, in *subscribeInput) (*huma.StreamResponse, error) {
	j, err := s.job(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := strconv.ParseInt(in.LastEventID, 10, 64)
	if err != nil {
		after = 0 // absent, or another server's id: all events are sent
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humachi.Unwrap(hc)
		events, err := s.Jobs.Subscribe(hc.Context(), j.ID, after)
		if err != nil {
			r, _ := humachi.Unwrap(hc)
			s.writeProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("X-Accel-Buffering", "no")
		w.WriteHeader(http.StatusOK)
		pump(hc.Context(), w, events)
	}}, nil
}

// pump writes events until they end or the reader goes away.
func pump(ctx context.Context, w http.ResponseWriter, events <-chan job.Event) {
	out := http.NewResponseController(w)
	quiet := time.NewTicker(heartbeat)
	defer quiet.Stop()
	for {
		text := []byte(": still here\n\n")
		select {
		case <-ctx.Done():
			return
		case <-quiet.C:
		case e, more := <-events:
			if !more {
				return
			}
			text = encodeEvent(e)
		}
		// A reader that takes nothing for that long is gone.
		if err := out.SetWriteDeadline(time.Now().Add(30 * time.Second)); err != nil && ctx.Err() != nil {
			return
		}
		if _, err := w.Write(text); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}

// A streamEvent is the data of an event on the wire.
type streamEvent struct {
	EventType string         `json:"event_type"`
	JobID     string         `json:"job_id"`
	Status    string         `json:"status"`
	Progress  float64        `json:"progress"`
	Payload   Object         `json:"payload"`
	Timestamp float64        `json:"timestamp"` // seconds since 1970
	ExtraData map[string]any `json:"extra_data"`

	// Of a NewDataObjectEvent: JSON inside strings, under both spellings, because
	// that is what the two generations of clients parse.
	DataObject   string `json:"data_object,omitempty"`
	DataObject2  string `json:"dataObject,omitempty"`
	DataLineage  string `json:"data_lineage,omitempty"`
	DataLineage2 string `json:"dataLineage,omitempty"`
}

// events documents a stream of StreamEvents; OpenAPI has no words for the stream
// itself.
func events(a huma.API) map[string]*huma.MediaType {
	event := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[streamEvent](), true, "")
	return map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
		Type: huma.TypeString, Description: "Events of the form \"id: N\\nevent: NAME\\ndata: JSON\\n\\n\"; the data are as in " + event.Ref,
	}}}
}

func encodeEvent(e job.Event) []byte {
	name := e.Name
	data := streamEvent{EventType: e.Name, JobID: e.JobID, Status: string(e.Status), Progress: percent(e.Progress), Payload: Object(e.Data),
		Timestamp: float64(e.At.UnixMilli()) / 1000, ExtraData: map[string]any{"progress": percent(e.Progress)}}
	if e.Name == ingest.ObjectEvent {
		name = "NewDataObjectEvent"
		var made struct {
			Object  json.RawMessage `json:"data_object"`
			Lineage json.RawMessage `json:"data_lineage"`
		}
		if json.Unmarshal(e.Data, &made) == nil {
			data.DataObject, data.DataLineage = string(made.Object), string(made.Lineage)
			data.DataObject2, data.DataLineage2 = data.DataObject, data.DataLineage
		}
	}
	text, err := json.Marshal(data)
	if err != nil {
		text = []byte("{}") // unreachable: every part is JSON already
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, name, text)
	return b.Bytes()
}
