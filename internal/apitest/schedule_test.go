package apitest_test

import (
	"strings"
	"testing"
	"time"
)

// scheduled makes a datasource with a stored request, whose run has ended.
func (w *world) scheduled(t *testing.T, name string) (*client, string) {
	c, project := w.newProject(t, name)
	d := c.object("POST", "/v1/datasources", map[string]any{"name": name, "project_id": project}).text("id")
	for _, j := range c.object("POST", "/v1/http/execute-request", w.execution(project, d, "/orders")).get("jobs").list() {
		c.follow(j.text("id"))
	}
	return c, d
}

func TestAScheduleSaysWhatComes(t *testing.T) {
	t.Parallel()
	c, d := shared.scheduled(t, "scheduling")
	path := "/v1/datasources/" + d + "/schedule"
	if got := c.send("GET", path, nil); got.status != 404 || got.json().text("type") != "no-schedule" {
		t.Errorf("before: %s", got)
	}
	s := c.object("PUT", path, map[string]any{"cron": "0 6 * * *", "timeZone": "Europe/Berlin", "overlap": "queue", "jitter": "5m"})
	want(t, "schedule", s, "datasource_id string", "project_id string", "every string", "next array", "waiting_slot null", "last_slot null", "last_run null",
		"skipped number", "missed number", "message string", "created_at string", "updated_at string")
	if s.text("cron") != "0 6 * * *" || s.text("time_zone") != "Europe/Berlin" || s.text("overlap") != "queue" || s.text("jitter") != "5m" {
		t.Errorf("got %s", s)
	}
	next := s.get("next").list()
	if len(next) != 5 {
		t.Fatalf("next: %v", next)
	}
	for i, n := range next {
		slot, err := time.Parse(time.RFC3339, n.text("slot"))
		starts, late := time.Parse(time.RFC3339, n.text("starts_at"))
		if err != nil || late != nil || !strings.Contains(n.text("slot"), "T06:00:00+0") || starts.Before(slot) || starts.Sub(slot) >= 5*time.Minute {
			t.Errorf("%d: %s", i, n)
		}
	}
	if again := c.object("GET", path, nil); again.String() != s.String() {
		t.Errorf("read again: %s, want %s", again, s)
	}
	if all := c.object("GET", "/v1/projects/"+s.text("project_id")+"/schedules", nil); len(all.list()) != 1 || all.at(0).String() != s.String() {
		t.Errorf("of the project: %s", all)
	}
	if got := c.object("POST", path+"/pause", nil); got.get("paused").value != true || len(got.get("next").list()) != 0 {
		t.Errorf("paused: %s", got)
	}
	if got := c.object("POST", path+"/resume", map[string]any{}); got.get("paused").value != false || got.get("next").String() != s.get("next").String() {
		t.Errorf("resumed: %s", got)
	}
	if got := c.object("DELETE", path, nil); got.text("datasource_id") != d {
		t.Errorf("deleted: %s", got)
	}
	for _, request := range []string{"GET ", "DELETE ", "POST /pause", "POST /resume"} {
		method, rest, _ := strings.Cut(request, " ")
		if got := c.send(method, path+rest, nil); got.status != 404 {
			t.Errorf("%s after that: %s", request, got)
		}
	}
}

func TestAScheduleThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	c, d := shared.scheduled(t, "badly scheduling")
	path := "/v1/datasources/" + d + "/schedule"
	before := c.object("PUT", path, map[string]any{"every": "1d"})
	for _, u := range []struct{ rule, body, pointer, says string }{
		{"nothing", `{}`, "/every", "neither"},
		{"both", `{"every":"1h","cron":"@daily"}`, "/cron", "both"},
		{"a cron without sense", `{"cron":"` + canary + `"}`, "/cron", "five are wanted"},
		{"a bad hour", `{"cron":"0 58213 * * *"}`, "/cron", "field 2 of the cron expression, the hour, cannot be read: it takes 0 to 23"},
		{"a day that never comes", `{"cron":"0 6 30 2 *"}`, "/cron", "no month has a day like that"},
		{"no interval", `{"every":"` + canary + `"}`, "/every", "not a duration"},
		{"seconds", `{"every":"30s"}`, "/every", "too short"},
		{"a zone that is none", `{"cron":"@daily","time_zone":"` + canary + `"}`, "/time_zone", "no time zone"},
		{"a zone with a typo", `{"cron":"@daily","time_zone":"Europe/Berln"}`, "/time_zone", "use Europe/Berlin"},
		{"a policy that is none", `{"every":"1h","overlap":"` + canary + `"}`, "/overlap", "skip or queue"},
		{"a jitter without sense", `{"every":"1h","jitter":"` + canary + `"}`, "/jitter", "like 5m"},
		{"a number", `{"every":58213}`, "/every", "string"},
	} {
		got := c.send("PUT", path, u.body)
		p := got.json()
		if got.status != 400 || p.get("errors").at(0).text("pointer") != u.pointer || !strings.Contains(p.text("detail"), u.says) {
			t.Errorf("%s: %s, want 400 at %s with %q", u.rule, got, u.pointer, u.says)
		}
		if strings.Contains(string(got.body), canary) || strings.Contains(string(got.body), "58213") {
			t.Errorf("%s: the answer repeats the value: %s", u.rule, got)
		}
	}
	if after := c.object("GET", path, nil); after.String() != before.String() {
		t.Errorf("something has changed: %s, want %s", after, before)
	}
}

func TestOnlyWhatWasRunCanBeScheduled(t *testing.T) {
	t.Parallel()
	c, project := shared.newProject(t, "unscheduled")
	d := c.object("POST", "/v1/datasources", map[string]any{"name": "d", "project_id": project}).text("id")
	if got := c.send("PUT", "/v1/datasources/"+d+"/schedule", `{"every":"1h"}`); got.status != 409 || got.json().text("type") != "never-run" {
		t.Errorf("got %s", got)
	}
}

func TestAScheduleGoesWithItsDatasource(t *testing.T) {
	t.Parallel()
	c, d := shared.scheduled(t, "unscheduling")
	project := c.object("PUT", "/v1/datasources/"+d+"/schedule", map[string]any{"every": "1h"}).text("project_id")
	c.object("DELETE", "/v1/datasources/"+d, nil)
	if got := c.send("GET", "/v1/datasources/"+d+"/schedule", nil); got.status != 404 {
		t.Errorf("got %s", got)
	}
	if all := c.object("GET", "/v1/projects/"+project+"/schedules", nil); len(all.list()) != 0 {
		t.Errorf("of the project: %s", all)
	}
}
