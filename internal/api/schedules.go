package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/errs"
	"millwright/internal/job"
	"millwright/internal/schedule"
)

// comingSlots is how many of the next slots are shown.
const comingSlots = 5

// A Schedule says when a datasource is run again by itself, and how that went.
type Schedule struct {
	DatasourceID string               `json:"datasource_id"`
	ProjectID    string               `json:"project_id"`
	Every        string               `json:"every" example:"1h30m" doc:"The interval; empty if there is a cron expression"`
	Cron         string               `json:"cron" example:"0 6 * * MON-FRI" doc:"The cron expression; empty if there is an interval"`
	TimeZone     string               `json:"time_zone" example:"Europe/Berlin"`
	Jitter       string               `json:"jitter" example:"5m" doc:"How late a run starts at most; empty: not at all"`
	Overlap      string               `json:"overlap" enum:"skip,queue"`
	Paused       bool                 `json:"paused"`
	Next         []ScheduleSlot       `json:"next" doc:"The next five slots, in the time zone; none while paused"`
	WaitingSlot  *time.Time           `json:"waiting_slot" doc:"The slot whose run waits for the one before it"`
	LastSlot     *time.Time           `json:"last_slot" doc:"The newest slot whose run was started"`
	LastRun      OrNull[ScheduledRun] `json:"last_run" doc:"The newest run that the schedule started"`
	Skipped      int64                `json:"skipped" doc:"Slots without a run, because the one before was not over or none could start"`
	Missed       int64                `json:"missed" doc:"Slots that passed while no server ran; one run makes up for all that were missed at once"`
	Message      string               `json:"message" doc:"Why the newest slot was not as usual; empty if it was"`
	CreatedAt    time.Time            `json:"created_at"`
	UpdatedAt    time.Time            `json:"updated_at"`
}

// A ScheduleSlot is a moment at which a run is due.
type ScheduleSlot struct {
	Slot     time.Time `json:"slot"`
	StartsAt time.Time `json:"starts_at" doc:"The slot with the jitter"`
}

// A ScheduledRun is how the newest run of a schedule stands.
type ScheduledRun struct {
	ID         string           `json:"id" doc:"Also the id of the job"`
	Status     string           `json:"status" enum:"pending,running,completed,failed,canceled"`
	StartedAt  time.Time        `json:"started_at" doc:"When the schedule started it"`
	FinishedAt *time.Time       `json:"finished_at"`
	Error      OrNull[JobError] `json:"error"`
}

// A ScheduleInput is the schedule that a datasource is to have.
type ScheduleInput struct {
	IDInput
	Body struct {
		_        struct{} `json:"-" additionalProperties:"true"`
		Every    string   `json:"every,omitempty" doc:"The interval in weeks, days, hours, minutes and seconds, at least 1m; this or cron" example:"1h30m"`
		Cron     string   `json:"cron,omitempty" doc:"Minute, hour, day of the month, month and day of the week, or @hourly, @daily, @weekly, @monthly, @yearly; this or every" example:"0 6 * * MON-FRI"`
		TimeZone string   `json:"time_zone,omitempty" doc:"Whose clocks cron means, by its name in the IANA database; UTC if absent" example:"Europe/Berlin"`
		Overlap  string   `json:"overlap,omitempty" doc:"What becomes of a slot while the run before it goes on: skip it (if absent), or queue it, which at most one can be"`
		Jitter   string   `json:"jitter,omitempty" doc:"Start up to so much later than the slot, each schedule always by the same part of it" example:"5m"`
		Paused   bool     `json:"paused,omitempty" doc:"Rest until it is resumed"`
	}
}

func (s *Server) schedules(a huma.API) {
	route(s, a, "PUT /v1/datasources/{id}/schedule", "schedules", "Run a datasource again by itself, at times", s.setSchedule)
	route(s, a, "GET /v1/datasources/{id}/schedule", "schedules", "The schedule of a datasource: what comes, and how the last run went", func(ctx context.Context, in *IDInput) (*out[Schedule], error) {
		if _, err := s.Sources.Get(ctx, caller(ctx).TeamIDs, in.ID); err != nil {
			return nil, err
		}
		return s.scheduleAnswer(ctx)(s.Schedules.Get(ctx, in.ID))
	})
	route(s, a, "DELETE /v1/datasources/{id}/schedule", "schedules", "Run a datasource no more by itself", func(ctx context.Context, in *IDInput) (*out[Schedule], error) {
		if _, err := s.changeableDatasource(ctx, in.ID); err != nil {
			return nil, err
		}
		sch, err := s.Schedules.Get(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return s.scheduleAnswer(ctx)(sch, s.Schedules.Remove(ctx, in.ID))
	})
	for word, do := range map[string]func(context.Context, string) (schedule.Schedule, error){"pause": s.Schedules.Pause, "resume": s.Schedules.Resume} {
		summary := map[string]string{"pause": "Let a schedule rest; what runs goes on", "resume": "Let a schedule go on with its next slot"}[word]
		route(s, a, "POST /v1/datasources/{id}/schedule/"+word, "schedules", summary, func(ctx context.Context, in *IDInput) (*out[Schedule], error) {
			if _, err := s.changeableDatasource(ctx, in.ID); err != nil {
				return nil, err
			}
			return s.scheduleAnswer(ctx)(do(ctx, in.ID))
		})
	}
	route(s, a, "GET /v1/projects/{id}/schedules", "schedules", "The schedules of a project, the next to run first", func(ctx context.Context, in *IDInput) (*out[[]Schedule], error) {
		if _, err := s.project(ctx, in.ID); err != nil {
			return nil, err
		}
		list, err := s.Schedules.ByProject(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		wires := []Schedule{}
		for _, sch := range list {
			w, err := s.scheduleWire(ctx, sch)
			if err != nil {
				return nil, err
			}
			wires = append(wires, w)
		}
		return ok(wires), nil
	})
}

func (s *Server) setSchedule(ctx context.Context, in *ScheduleInput) (*out[Schedule], error) {
	d, err := s.changeableDatasource(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.storedSpec(ctx, d); err != nil {
		return nil, err
	}
	b := in.Body
	return s.scheduleAnswer(ctx)(s.Schedules.Set(ctx, d.ID, schedule.Setting{
		Timing:  schedule.Timing{Every: b.Every, Cron: b.Cron, Zone: b.TimeZone, Jitter: b.Jitter},
		Overlap: b.Overlap, Paused: b.Paused, UserID: caller(ctx).User.ID}))
}

// scheduleAnswer takes what a store returned and answers with it.
func (s *Server) scheduleAnswer(ctx context.Context) func(schedule.Schedule, error) (*out[Schedule], error) {
	return func(sch schedule.Schedule, err error) (*out[Schedule], error) {
		if err != nil {
			return nil, err
		}
		w, err := s.scheduleWire(ctx, sch)
		return ok(w), err
	}
}

func (s *Server) scheduleWire(ctx context.Context, sch schedule.Schedule) (Schedule, error) {
	zoned := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		t = t.In(sch.Location())
		return &t
	}
	w := Schedule{DatasourceID: sch.DatasourceID, ProjectID: sch.ProjectID, Every: sch.Every, Cron: sch.Cron, TimeZone: sch.Zone, Jitter: sch.Jitter,
		Overlap: string(sch.Overlap), Paused: sch.Paused, WaitingSlot: zoned(sch.WaitingSlot), LastSlot: zoned(sch.LastSlot),
		Next:    each(sch.Coming(comingSlots), func(c schedule.Slot) ScheduleSlot { return ScheduleSlot{c.Slot, c.At} }),
		Skipped: sch.Skipped, Missed: sch.Missed, Message: sch.Message, CreatedAt: sch.CreatedAt, UpdatedAt: sch.UpdatedAt}
	if sch.LastJobID == "" {
		return w, nil
	}
	j, err := s.Jobs.Get(ctx, sch.LastJobID)
	if errs.KindOf(err) == errs.NotFound {
		return w, nil // jobs are kept for a time only
	}
	if err != nil {
		return w, err
	}
	w.LastRun.Value = scheduledRun(j, sch.LastAt)
	return w, nil
}

func scheduledRun(j job.Job, at time.Time) *ScheduledRun {
	seen := jobWire(j)
	return &ScheduledRun{ID: j.ID, Status: string(j.Status), StartedAt: at, FinishedAt: j.FinishedAt, Error: seen.Error}
}
