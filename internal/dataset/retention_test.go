package dataset_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"millwright/internal/dataset"
	"millwright/internal/errs"
)

func restore(t *testing.T, s *dataset.Store, id string, version int64) (v dataset.Version, err error) {
	t.Helper()
	err = s.DB.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		v, err = s.RestoreTx(t.Context(), tx, id, version, "job")
		return err
	})
	return v, err
}

func live(t *testing.T, s *dataset.Store) []string {
	t.Helper()
	keys, err := s.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		names = append(names, strings.TrimPrefix(key, "p1/00/"))
	}
	return names
}

func TestRestore(t *testing.T) {
	s := world(t)
	first := next(t, s, dataset.Merge, 0, "a", "b")
	first.Facts = json.RawMessage(`{"f":1}`)
	first.Files[1].Raws = []string{"r"}
	was := mustCommit(t, s, first)
	id := was.DatasetID
	if err := s.SaveProfile(t.Context(), id, 1, json.RawMessage(`{"p":1}`)); err != nil {
		t.Fatal(err)
	}
	other := version(t, s, columns(column(3, "other")), "c")
	mustCommit(t, s, other)
	got, err := restore(t, s, id, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := was
	want.Version, want.Kind, want.Base, want.RunID, want.CreatedAt = 3, dataset.Restore, 1, "job", got.CreatedAt
	diff(t, "version", got, want)
	before, err := s.Files(t.Context(), id, 1)
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Files(t.Context(), id, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		before[i].AddedVersion, before[i].RemovedVersion = 3, nil
	}
	diff(t, "files", after, before)
	if p, err := s.Profile(t.Context(), id, 3); err != nil || string(p) != `{"p":1}` {
		t.Errorf("profile: %s, %v", p, err)
	}
	if f, err := s.Facts(t.Context(), id, 3); err != nil || string(f) != `{"f":1}` {
		t.Errorf("facts: %s, %v", f, err)
	}
	if d, err := s.Dataset(t.Context(), id); err != nil || d.LastFieldID != 3 || d.Version != 3 || len(d.Schema.Columns) != 2 {
		t.Errorf("got %+v, %v", d, err)
	}
	diff(t, "the version in between", keys(t, s, id, 2), []string{"c"})

	_, err = restore(t, s, id, 3)
	wantType(t, "the current version", err, errs.Conflict, "version-current")
	for _, none := range []int64{0, 4} {
		if _, err := restore(t, s, id, none); !errors.Is(err, errs.NotFound) {
			t.Errorf("version %d: %v", none, err)
		}
	}
	if _, err := restore(t, s, "none", 1); !errors.Is(err, errs.NotFound) {
		t.Errorf("no dataset: %v", err)
	}
}

func TestExpireKeepsWhatTheSettingsKeep(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		rule string
		set  dataset.Settings
		now  time.Duration // after the last commit
		want []int64       // that expire, of five, two seconds apart
	}{
		{"nothing is set", dataset.Settings{}, 1000 * day, nil},
		{"the newest two", dataset.Settings{KeepVersions: 2}, 0, []int64{3, 2, 1}},
		{"only the current", dataset.Settings{KeepVersions: 1}, 0, []int64{4, 3, 2, 1}},
		{"more than there are", dataset.Settings{KeepVersions: 9}, 1000 * day, nil},
		{"those of the last day", dataset.Settings{KeepDays: 1}, day - 4500*time.Millisecond, []int64{1, 2}},
		{"the current is kept however old", dataset.Settings{KeepDays: 1}, 9 * day, []int64{4, 3, 2, 1}},
		{"the newest and the young", dataset.Settings{KeepVersions: 4, KeepDays: 1}, 9 * day, []int64{1}},
		{"the newest or the young", dataset.Settings{KeepVersions: 1, KeepDays: 1}, 0, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := world(t)
			var last dataset.Version
			for _, file := range []string{"a", "b", "c", "d", "e"} {
				last = mustCommit(t, s, next(t, s, dataset.Replace, 0, file))
			}
			c.set.RawPages = dataset.KeepRaw
			dropped, err := s.Expire(t.Context(), last.DatasetID, c.set, last.CreatedAt.Add(c.now))
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, v := range dropped {
				got = append(got, v.Version)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			diff(t, "expired", got, c.want)
			for v := range int64(5) {
				_, err := s.Files(t.Context(), last.DatasetID, v+1)
				if slices.Contains(c.want, v+1) {
					wantType(t, "an expired version", err, errs.NotFound, "version-expired")
				} else if err != nil {
					t.Error(err)
				}
			}
			if again, err := s.Expire(t.Context(), last.DatasetID, c.set, last.CreatedAt.Add(c.now)); err != nil || len(again) != 0 {
				t.Errorf("a second time: %+v, %v", again, err)
			}
		})
	}
}

func TestExpiryLetsGoOfFilesThatNoVersionHolds(t *testing.T) {
	s := world(t)
	addObject(t, s, "ra")
	addObject(t, s, "rb")
	addObject(t, s, "rc")
	n := next(t, s, dataset.Append, 0, "a")
	n.Files[0].Raws = []string{"ra"}
	mustCommit(t, s, n)
	n = next(t, s, dataset.Append, 1, "b")
	n.Files[0].Raws = []string{"rb"}
	id := mustCommit(t, s, n).DatasetID
	n = next(t, s, dataset.Append, 2, "c")
	n.Files[0].Raws, n.Ends = []string{"rc"}, []string{"b"}
	mustCommit(t, s, n)
	diff(t, "at first", live(t, s), []string{"a", "b", "c", "ra", "rb", "rc"})

	keep := dataset.Settings{KeepVersions: 2, RawPages: dataset.KeepRaw}
	expire := func(set dataset.Settings) {
		t.Helper()
		if _, err := s.Expire(t.Context(), id, set, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	expire(keep)
	diff(t, "shared files stay", live(t, s), []string{"a", "b", "c", "ra", "rb", "rc"})
	diff(t, "the current version", keys(t, s, id, 3), []string{"a", "c"})
	keep.RawPages = dataset.LastRaw
	expire(keep)
	diff(t, "raw pages of the current version", live(t, s), []string{"a", "b", "c", "ra", "rc"})
	keep.KeepVersions = 1
	expire(keep)
	diff(t, "the file of an expired version", live(t, s), []string{"a", "c", "ra", "rc"})
	if _, err := s.Object(t.Context(), "b"); !errors.Is(err, errs.NotFound) {
		t.Errorf("its object: %v", err)
	}
	keep.RawPages = dataset.NoRaw
	expire(keep)
	diff(t, "no raw pages", live(t, s), []string{"a", "c"})
	if v, err := s.Version(t.Context(), id, 1); err != nil || len(v.Schema.Columns) != 2 || v.ExpiredAt == nil {
		t.Errorf("the schema that a shared file was written with is gone: %+v, %v", v, err)
	}
	_, err := restore(t, s, id, 1)
	wantType(t, "restoring it", err, errs.NotFound, "version-expired")
	if d, err := s.Dataset(t.Context(), id); err != nil || d.Version != 3 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestEqualBytesStayWhileOneObjectNamesThem(t *testing.T) {
	s := world(t)
	id := mustCommit(t, s, next(t, s, dataset.Replace, 0, "a")).DatasetID
	n := next(t, s, dataset.Replace, 0, "b")
	n.Files[0].ObjectKey = "p1/00/a"
	mustCommit(t, s, n)
	if _, err := s.Expire(t.Context(), id, dataset.Settings{KeepVersions: 1, RawPages: dataset.KeepRaw}, time.Now()); err != nil {
		t.Fatal(err)
	}
	diff(t, "live", live(t, s), []string{"a", "b"})
}

func TestPinnedVersionsDoNotExpire(t *testing.T) {
	s := world(t)
	var id string
	for _, file := range []string{"a", "b", "c", "d"} {
		id = mustCommit(t, s, next(t, s, dataset.Replace, 0, file)).DatasetID
	}
	pin := func(version int64) {
		t.Helper()
		if err := s.Pin(t.Context(), id, version); err != nil {
			t.Fatal(err)
		}
	}
	pin(1)
	pin(1)
	pin(3)
	set := dataset.Settings{KeepVersions: 1, RawPages: dataset.KeepRaw}
	err := s.SaveSettings(t.Context(), id, set)
	wantType(t, "settings", err, errs.Conflict, "retention-pinned")
	want := "these settings would let pinned versions expire: version 3 (pinned by user); version 1 (pinned by user) (remove the pins first; keep more versions or more days)"
	diff(t, "message", errs.Public(err), want)
	if got, err := s.Settings(t.Context(), id); err != nil || got != dataset.DefaultSettings() {
		t.Errorf("refused settings were stored: %+v, %v", got, err)
	}
	dropped, err := s.Expire(t.Context(), id, set, time.Now())
	if err != nil || len(dropped) != 1 || dropped[0].Version != 2 {
		t.Errorf("got %+v, %v", dropped, err)
	}
	pins, err := s.Pins(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "pins", pins, map[int64][]string{1: {"user"}, 3: {"user"}})
	for _, version := range []int64{2, 9} {
		if err := s.Pin(t.Context(), id, version); !errors.Is(err, errs.NotFound) {
			t.Errorf("pin of version %d: %v", version, err)
		}
	}
	for _, version := range []int64{3, 9} {
		if err := s.Unpin(t.Context(), id, version); err != nil {
			t.Error(err)
		}
	}
	err = s.SaveSettings(t.Context(), id, set)
	wantType(t, "one pin is left", err, errs.Conflict, "retention-pinned")
	if err := s.Unpin(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveSettings(t.Context(), id, set); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ExpireAll(t.Context(), time.Now()); err != nil || n != 2 {
		t.Errorf("ExpireAll: %d, %v", n, err)
	}
	pin(4) // the current one, which the settings keep now
	set.KeepDays = 1
	if err := s.SaveSettings(t.Context(), id, set); err != nil {
		t.Errorf("settings that keep what is pinned: %v", err)
	}
}

func TestAPinThatIsBeyondTheSettingsAlreadyBlocksNone(t *testing.T) {
	s := world(t)
	var id string
	for _, file := range []string{"a", "b", "c"} {
		id = mustCommit(t, s, next(t, s, dataset.Replace, 0, file)).DatasetID
	}
	if err := s.SaveSettings(t.Context(), id, dataset.Settings{KeepVersions: 2, RawPages: dataset.KeepRaw}); err != nil {
		t.Fatal(err)
	}
	if err := s.Pin(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveSettings(t.Context(), id, dataset.Settings{KeepVersions: 2, RawPages: dataset.NoRaw}); err != nil {
		t.Errorf("raw pages: %v", err)
	}
}

func TestSettings(t *testing.T) {
	s := world(t)
	id := mustCommit(t, s, next(t, s, dataset.Replace, 0, "a")).DatasetID
	for _, want := range []dataset.Settings{{KeepVersions: 3, KeepDays: 9, RawPages: dataset.NoRaw}, {RawPages: dataset.LastRaw}} {
		if err := s.SaveSettings(t.Context(), id, want); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Settings(t.Context(), id); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
	for field, wrong := range map[string]dataset.Settings{
		"/keep_versions": {KeepVersions: -1, RawPages: dataset.KeepRaw},
		"/keep_days":     {KeepDays: 36501, RawPages: dataset.KeepRaw},
		"/raw_pages":     {RawPages: "some"},
	} {
		err := s.SaveSettings(t.Context(), id, wrong)
		if e, ok := errs.Find(err); !ok || e.Kind != errs.Invalid || e.Fields[0].Pointer != field {
			t.Errorf("%s: %v", field, err)
		}
		if _, err := s.Expire(t.Context(), id, wrong, time.Now()); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := s.SaveSettings(t.Context(), "none", dataset.DefaultSettings()); !errors.Is(err, errs.NotFound) {
		t.Errorf("no dataset: %v", err)
	}
}
