package benchgen_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A bundle is the tables of one project, with the keys that point from one at another as
// a person named them: "orders.customer_id > customers.id".
type bundle struct {
	name   string
	tables []source
	keys   []string
}

// planted are projects made by formula, with keys that hold, some orphans within the one
// in a hundred that is allowed, and traps: small whole numbers that are contained in
// every key, keys that stand twice, too many orphans, keys of another type.
func planted() []bundle {
	city := []string{"Kiel", "Lyon", "Oslo", "Rome", "Bern"}
	shop := bundle{name: "planted shop", keys: []string{
		"orders.customer_id > customers.id", "orders.store_code > stores.code", "lines.order_id > orders.id", "lines.product_sku > products.sku",
	}, tables: []source{
		made("customers", 240, func(i int) map[string]any {
			return map[string]any{"id": 1001 + i, "name": fmt.Sprintf("Customer %d", i), "city": city[i*i%5], "age": 18 + i*7%60}
		}),
		made("stores", 12, func(i int) map[string]any {
			return map[string]any{"code": fmt.Sprintf("ST-%02d", i), "region": []string{"north", "south"}[i%2], "area": 300 + 17*i}
		}),
		made("products", 90, func(i int) map[string]any {
			return map[string]any{"sku": fmt.Sprintf("SKU-%04d", 7*i), "title": fmt.Sprintf("Thing %d", i), "category": city[i%4] + " wear", "price": float64(5+i*3%70) + .5}
		}),
		made("orders", 2000, func(i int) map[string]any {
			customer := 1001 + i*i*7%240
			if i%150 == 149 { // an orphan in 150
				customer = 90000 + i
			}
			return map[string]any{"id": 50000 + i, "customer_id": customer, "store_code": fmt.Sprintf("ST-%02d", i*i%12), "amount": float64(i*37%500) + .25, "quantity": 1 + i%7, "rank": i + 1}
		}),
		made("lines", 5000, func(i int) map[string]any {
			return map[string]any{"line_no": 1 + i%5, "order_id": 50000 + i*3%2000, "product_sku": fmt.Sprintf("SKU-%04d", 7*(i*i%90)), "units": 1 + i*i%9, "total_cost": float64(i*13%900) + .5}
		}),
	}}
	traps := bundle{name: "planted traps", keys: []string{"visits.patient_id > patients.patient_id"}, tables: []source{
		made("patients", 150, func(i int) map[string]any {
			return map[string]any{"patient_id": i + 1, "ward": []string{"A", "B", "C"}[i%3], "born": 1940 + i%60}
		}),
		// Each level stands twice: joined, every visit would count twice.
		made("levels", 20, func(i int) map[string]any { return map[string]any{"id": 1 + i/2, "title": fmt.Sprint("level ", i/2)} }),
		made("rooms", 60, func(i int) map[string]any { return map[string]any{"id": i + 1, "floor": i % 4} }),
		// The numbers are written as text here.
		made("doctors", 40, func(i int) map[string]any {
			return map[string]any{"id": fmt.Sprint(i + 1), "title": fmt.Sprint("Dr. ", i)}
		}),
		made("visits", 1500, func(i int) map[string]any {
			room := 1 + i*i%60
			if i%30 == 0 { // one in thirty has no such room
				room = 100 + i
			}
			return map[string]any{"visit": i + 1, "patient_id": 1 + i*i*11%150, "level_id": 1 + i%10, "room_id": room, "doctor_id": 1 + i%40, "minutes": 5 + i*i%90, "cost": float64(i*7%300) + .75}
		}),
	}}
	return []bundle{shop, traps}
}

func made(name string, n int, row func(i int) map[string]any) source {
	return source{"planted", name, func() ([]json.RawMessage, error) {
		var out []json.RawMessage
		for i := range n {
			text, err := json.Marshal(row(i))
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
		return out, nil
	}}
}

// nvBundles are nvBench's databases with two tables and more. Their keys were named by
// hand, from names alone and before any was searched for: a column that is about what
// another table has a row of. Whether its values are there, the data must say.
func nvBundles(t testing.TB) []bundle {
	names, tables := questions(t)
	named := map[string]string{
		"local_govt_and_lot":           "customer_events.customer_id > customers.customer_id; customer_events.property_id > properties.property_id; customer_events.resident_id > residents.resident_id; customer_events.thing_id > things.thing_id; timed_status_of_things.thing_id > things.thing_id; residents.property_id > properties.property_id",
		"bike_1":                       "trip.start_station_id > station.id; trip.end_station_id > station.id",
		"cre_Docs_and_Epenses":         "documents_with_expenses.Document_ID > documents.Document_ID",
		"e_learning":                   "student_course_enrolment.student_id > students.student_id; student_course_enrolment.course_id > courses.course_id; courses.author_id > course_authors_and_tutors.author_id; student_tests_taken.registration_id > student_course_enrolment.registration_id",
		"station_weather":              "weekly_weather.station_id > station.id",
		"tracking_orders":              "orders.customer_id > customers.customer_id",
		"apartment_rentals":            "apartment_bookings.apt_id > apartments.apt_id; apartment_bookings.guest_id > guests.guest_id; apartments.building_id > apartment_buildings.building_id",
		"inn_1":                        "reservations.Room > rooms.RoomId",
		"behavior_monitoring":          "assessment_notes.teacher_id > teachers.teacher_id",
		"customers_card_transactions":  "customers_cards.customer_id > customers.customer_id; accounts.customer_id > customers.customer_id; financial_transactions.account_id > accounts.account_id; financial_transactions.card_id > customers_cards.card_id",
		"flight_1":                     "flight.aid > aircraft.aid",
		"wine_1":                       "wine.Appelation > appellations.Appelation",
		"wta_1":                        "matches.winner_id > players.player_id; matches.loser_id > players.player_id",
		"tracking_software_problems":   "problems.closure_authorised_by_staff_id > staff.staff_id; problems.reported_by_staff_id > staff.staff_id; problem_log.assigned_to_staff_id > staff.staff_id; problem_log.problem_id > problems.problem_id",
		"assets_maintenance":           "assets.maintenance_contract_id > maintenance_contracts.maintenance_contract_id; assets.supplier_company_id > third_party_companies.company_id; maintenance_engineers.company_id > third_party_companies.company_id; fault_log.asset_id > assets.asset_id; fault_log.recorded_by_staff_id > staff.staff_id; maintenance_contracts.maintenance_contract_company_id > third_party_companies.company_id",
		"cre_Drama_Workshop_Groups":    "invoices.Product_ID > products.Product_ID; invoices.Order_ID > customer_orders.Order_ID",
		"program_share":                "broadcast.Channel_ID > channel.Channel_ID",
		"allergy_1":                    "has_allergy.StuID > student.StuID; has_allergy.Allergy > allergy_type.Allergy",
		"student_transcripts_tracking": "sections.course_id > courses.course_id",
		"flight_company":               "flight.company_id > operate_company.id",
	}
	var out []bundle
	at := map[string]int{}
	taken := map[string]bool{}
	for _, full := range names {
		dot := strings.LastIndexByte(full, '.')
		database, name := full[:dot], strings.ToLower(full[dot+1:])
		// Two tables of a project have different names, whatever their case.
		if taken[database+"."+name] {
			continue
		}
		taken[database+"."+name] = true
		if _, ok := at[database]; !ok {
			at[database] = len(out)
			out = append(out, bundle{name: database})
			if named[database] != "" {
				out[at[database]].keys = strings.Split(named[database], "; ")
			}
		}
		b := &out[at[database]]
		b.tables = append(b.tables, source{"nvbench", name, fromFile(filepath.Join(nvbench(), tables[full].File))})
	}
	var several []bundle
	for _, b := range out {
		if len(b.tables) > 1 {
			several = append(several, b)
		}
	}
	return several
}
