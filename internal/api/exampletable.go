package api

// examples are requests that work, by operation. An operation that takes a body or
// needs a query parameter must have a line; a test sends every one.
var examples = map[string]example{
	"POST /v1/authentication/session":       {body: `{"api_key": "API_KEY"}`},
	"GET /v1/authentication/session":        {query: "millwright_session=SESSION_TOKEN"},
	"DELETE /v1/authentication/session":     {query: "millwright_session=SESSION_TOKEN"},
	"POST /v1/authentication/api-key":       {body: `{"name": "dashboard"}`},
	"PATCH /v1/authentication/api-key/{id}": {body: `{"name": "reports"}`},
	"GET /v1/teams":                         {query: "organization_id=ORGANIZATION_ID"},

	"POST /v1/orgs":                                  {body: `{"name": "Shop", "description": "Furniture"}`},
	"PATCH /v1/orgs/{id}":                            {body: `{"description": "Furniture and lamps"}`},
	"POST /v1/orgs/{id}/move":                        {body: `{"new_platform_id": "PLATFORM_ID"}`},
	"POST /v1/platforms":                             {body: `{"name": "Europe", "metadata": {"region": "eu"}}`},
	"PATCH /v1/platforms/{id}":                       {body: `{"description": "Whatever is kept in Europe"}`},
	"POST /v1/teams":                                 {body: `{"name": "Analysts"}`},
	"PATCH /v1/teams/{id}":                           {body: `{"name": "Analysts and others"}`},
	"POST /v1/teams/{id}/move":                       {body: `{"new_organization_id": "ORGANIZATION_ID"}`},
	"POST /v1/team-memberships":                      {body: `{"team_id": "TEAM_ID", "user_id": "USER_ID", "role": "member"}`},
	"PATCH /v1/team-memberships/{user_id}/{team_id}": {body: `{"role": "viewer"}`},
	"POST /v1/users":                                 {body: `{"email": "ada@example.org", "name": "Ada", "role": "member"}`},
	"PATCH /v1/users/{id}":                           {body: `{"name": "Ada Lovelace"}`},
	"POST /v1/users/{id}/move":                       {body: `{"new_organization_id": "ORGANIZATION_ID"}`},
	"POST /v1/users/{id}/roles/{role_id}":            {body: `{}`},

	"POST /v1/projects/{id}/move": {body: `{"new_team_id": "TEAM_ID"}`},
	"GET /v1/projects":            {query: "team_id=TEAM_ID&include_deleted=true"},
	"POST /v1/projects":           {body: `{"name": "Shop", "description": "Orders and customers", "team_id": "TEAM_ID", "metadata": {"owner": "sales"}}`},
	"PATCH /v1/projects/{id}":     {body: `{"description": "Orders, customers and stock"}`},

	"POST /v1/datasources": {body: `{"name": "Orders of the shop", "project_id": "PROJECT_ID", "type": "http-requests", "uri": "https://api.example.com/orders"}`},
	"PATCH /v1/datasources/{id}": {
		body: `{"name": "Orders", "description": "Every order since the shop opened"}`},
	"GET /v1/datasources/{id}/lineage":             {query: "depth=2"},
	"POST /v1/datasources/{id}/runs":               {body: `{"mode": "replace"}`},
	"GET /v1/datasources/{id}/runs":                {query: "take=10"},
	"PUT /v1/datasources/{id}/schedule":            {body: `{"cron": "0 6 * * MON-FRI", "time_zone": "Europe/Berlin", "jitter": "5m"}`},
	"GET /v1/credentials":                          {query: "datasource_id=DATASOURCE_ID"},
	"POST /v1/credentials":                         {body: `{"name": "Credentials for Orders", "type": "api", "team_id": "TEAM_ID", "config": {"url": "https://api.example.com/orders", "auth": {"bearerToken": "a-long-random-text"}}}`},
	"PATCH /v1/credentials/{id}":                   {body: `{"description": "Read only; renewed every year"}`},
	"GET /v1/secrets":                              {query: "type=api_key"},
	"GET /v1/secrets/{team_id}":                    {query: "type=api_key"},
	"GET /v1/projects/{id}/secrets":                {query: "type=api_key"},
	"POST /v1/secrets/{team_id}":                   {body: `{"name": "WAREHOUSE_TOKEN", "type": "api_key", "value": "a-long-random-text", "origins": ["https://api.example.com"]}`},
	"PATCH /v1/secrets/{team_id}/{key}":            {body: `{"description": "Of the shop's API; read only"}`},
	"GET /v1/jobs":                                 {query: "project_id=PROJECT_ID&status=completed&take=10"},
	"GET /v1/jobs/status":                          {query: "job_id=JOB_ID"},
	"GET /v1/jobs/by-source":                       {query: "source=datasource&source_id=DATASOURCE_ID&limit=10"},
	"GET /v1/datalines":                            {query: "datasource_id=DATASOURCE_ID"},
	"GET /v1/datalines/{id}/rows":                  {query: "limit=10"},
	"GET /v1/datalines/{id}/export":                {query: "format=ndjson"},
	"POST /v1/datalines/{id}/retype":               {body: `{"columns": {"order_no": "VARCHAR"}}`},
	"PATCH /v1/datalines/{id}/columns":             {body: `{"columns": {"amount": {"role": "measure", "subtype": "flow", "unit": "EUR", "label": "revenue"}}, "regenerate": false}`},
	"PATCH /v1/datalines/{id}/settings":            {body: `{"keep_versions": 5, "keep_days": 30}`},
	"GET /v1/queryprograms":                        {query: "project_id=PROJECT_ID&limit=10&sort=score&order=desc"},
	"POST /v1/queryprograms":                       {body: `{"project_id": "PROJECT_ID", "dataline_id": "DATALINE_ID", "name": "Orders per status", "cue": "How many orders are there per status?", ` + exampleCode + `}`},
	"POST /v1/queryprograms/validate":              {body: `{"project_id": "PROJECT_ID", ` + exampleCode + `}`},
	"POST /v1/queryprograms/explain":               {body: `{"project_id": "PROJECT_ID", ` + exampleCode + `, "values": {"least": 100}}`},
	"PATCH /v1/queryprograms/{id}":                 {body: `{"name": "Orders, counted"}`},
	"POST /v1/queryprograms/{id}/explain":          {body: `{"values": {}}`},
	"GET /v1/queryprograms/{id}/history":           {query: "limit=10&success=true"},
	"GET /v1/queryprograms/{id}/sql":               {query: "dialect=duckdb"},
	"GET /v1/run/queryprogram":                     {query: "project_id=PROJECT_ID&queryprogram_id=QUERYPROGRAM_ID&max_rows=100"},
	"POST /v1/run/queryprogram":                    {query: "max_rows=100", body: exampleRun},
	"POST /v1/actions/evaluate/queryprogram":       {body: exampleRun},
	"POST /v1/actions/evaluate/queryprogram/graph": {body: exampleRun},
	"POST /v1/build/cues":                          {body: `{"project_id": "PROJECT_ID", "count": 2, "guidance": "orders by month"}`},
	"POST /v1/build/query_program":                 {body: `{"project_id": "PROJECT_ID", "question": "What is the average amount per status?"}`},
	"POST /v1/actions/generate/questions":          {body: `{"project_id": "PROJECT_ID", "count": 3}`},

	"POST /v1/actions/generate/queryprogram": {body: `{"project_id": "PROJECT_ID", "natural_language_query": "What is the average amount per status?"}`},

	"PATCH /v1/queryprograms/{id}/publish":   {body: `{}`},
	"PATCH /v1/queryprograms/{id}/unpublish": {body: `{}`},
	"POST /v1/apis":                          {body: `{"project_id": "PROJECT_ID", "name": "Shop", "description": "What was ordered", "tags": ["sales"]}`},
	"PATCH /v1/apis/{id}":                    {body: `{"description": "What was ordered, and by whom"}`},
	"POST /v1/apis/endpoints":                {body: `{"api_id": "API_ID", "queryprogram_id": "QUERYPROGRAM_ID", "path": "orders-counted", "description": "How many orders there are"}`},
	"PATCH /v1/apis/endpoints/{id}":          {body: `{"description": "How many orders there are by now"}`},
	"POST /live/{slug}/{version}/{path}":     {body: `{"slots": {}}`},

	"POST /v1/run/{id}/chat/completions":               {body: exampleChat},
	"POST /v1/integrations/chat/{id}/chat/completions": {body: exampleChat},
	"POST /v1/integrations/chat/{id}/call/{tool}":      {body: `{}`},
	"POST /v1/query":         {body: `{"project_id": "PROJECT_ID", "question": "How many orders are there per status?"}`},
	"GET /v1/explore":        {query: "project_id=PROJECT_ID"},
	"POST /v1/explore":       {body: `{"project_id": "PROJECT_ID", "title": "Sales"}`},
	"PATCH /v1/explore/{id}": {body: `{"is_starred": true}`},
	"POST /v1/explore/{id}":  {body: `{"content": "How many orders are there per status?"}`},
	"POST /v1/run/{id}":      {body: `{"content": "How many orders are there per status?"}`},
	"POST /live/{tool}":      {body: `{"project_id": "PROJECT_ID", "content": "{}"}`},

	"POST /v1/datalines":              {body: `{"project_id": "PROJECT_ID", "dataobject_id": "DATAOBJECT_ID", "name": "Orders, as they were"}`},
	"PATCH /v1/datalines/{id}":        {body: `{"name": "Orders of the shop"}`},
	"PATCH /v1/datalines/{id}/schema": {body: `{"schema_code": "One row for each order"}`},
	"POST /v1/datasources/{id}/clone": {body: `{}`},

	"POST /v1/jobs":                      {body: exampleJob},
	"POST /v1/jobs/submit":               {body: exampleJob},
	"POST /v1/actions/load/{project_id}": {query: "name=cities.csv", body: "id,city\n1,Kiel\n2,Lyon\n", content: "text/csv"},
	"POST /v1/uploads/{id}":              {body: `{"name": "cities.csv", "length": 22}`},
	"PATCH /v1/uploads/{id}":             {query: "Upload-Offset=0&Upload-Complete=?1", body: "id,city\n1,Kiel\n2,Lyon\n", content: "application/partial-upload"},

	"POST /projects/import":             {body: exampleExport},
	"POST /projects/validate-import":    {body: exampleExport},
	"POST /v1/projects/import":          {body: exampleExport},
	"POST /v1/projects/validate-import": {body: exampleExport},

	"POST /v1/http/test-connection": {body: `{` + exampleRequest + `}`},
	"POST /v1/http/execute-request": {body: `{"project_id": "PROJECT_ID", "datasource_id": "DATASOURCE_ID", ` + exampleRequest + `}`},
	"POST /v1/http/from-curl":       {body: `{"command": "curl -H 'Accept: application/json' https://api.example.com/orders"}`},
	"POST /v1/http/from-openapi":    {body: `{"url": "https://api.example.com/openapi.json", "document": {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "paths": {"/orders": {"get": {"responses": {"200": {"description": "Orders"}}}}}}}`},
}

const (
	exampleCode = `"code": "SELECT status, count(*) AS orders FROM orders WHERE amount >= $least GROUP BY status ORDER BY orders DESC", ` +
		`"slots": [{"name": "least", "type": "number", "default": 0, "description": "Smallest amount"}]`
	exampleChat   = `{"model": "millwright", "messages": [{"role": "user", "content": "How many orders are there per status?"}]}`
	exampleExport = `{"infactory_export_version": "1.1", "metadata": {"created_at": "2026-01-31T08:00:00Z", "source_project_id": "p", "source_team_id": "t"}, ` +
		`"project": {"name": "Shop, imported", "description": "", "team_id": ""}, "datasources": [], "dataobjects": [], "datalines": [], "datalineage": [], ` +
		`"apis": [], "queryprograms": [], "references": {"credentials": []}}`
	exampleJob     = `{"project_id": "PROJECT_ID", "job_type": "upload", "source": "datasource", "source_id": "DATASOURCE_ID", "payload": {"file": "orders.csv"}}`
	exampleRun     = `{"project_id": "PROJECT_ID", "queryprogram_id": "QUERYPROGRAM_ID"}`
	exampleRequest = `"url": "https://api.example.com/orders?per_page=200", "method": "GET", "headers": {"Accept": "application/json"}, ` +
		`"authType": "Bearer Token", "auth": {"bearerToken": "a-long-random-text"}, "responsePathExtractor": "data.orders"`
)
