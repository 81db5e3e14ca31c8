"""The official Python package and its nf command, as they are on PyPI, against a
Millwright server. Only the base URL and the key are set, as their users set them:
NF_BASE_URL, NF_API_KEY, NF_HOME. Prints one line for each part, and ends with an
error at the first thing that a user would notice."""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from infactory_client.client import InfactoryClient


import infactory_client.client as client_module

NF = os.path.join(os.path.dirname(sys.executable), "nf")


def nf(*args, status=0, stdin=None):
    env = dict(os.environ, COLUMNS="400")
    done = subprocess.run([NF, *args], capture_output=True, text=True, env=env, input=stdin, timeout=400)
    if done.returncode != status:
        raise SystemExit(f"nf {' '.join(args)}: exit {done.returncode}, want {status}\n{done.stdout}\n{done.stderr}")
    if "--json" in args:
        return json.loads(done.stdout)
    return done.stdout + done.stderr


def same(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: got {got!r}, want {want!r}")


def holds(what, text, *parts):
    for part in parts:
        if part not in text:
            raise SystemExit(f"{what}: {part!r} is not in\n{text}")


def refused(what, call, status):
    try:
        call()
    except client_module.APIError as error:
        if error.status_code != status:
            raise SystemExit(f"{what}: {error}, want {status}")
        return
    raise SystemExit(f"{what}: was not refused")


def say(what):
    print("ok", what, flush=True)


def prices(path, days=300):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Date", "Symbol", "Open", "High", "Low", "Close", "Volume"])
        for i in range(days):
            day = time.strftime("%Y-%m-%d", time.gmtime(1672531200 + 86400 * i))
            for n, symbol in enumerate(["AAPL", "GOOGL", "MSFT"]):
                price = 100 + 10 * n + i % 17
                rows.writerow([day, symbol, price, price + 2, price - 1.5, price + 0.25, 1000000 + 1000 * ((i * 7 + n) % 90)])
    return path


def settle(client, project, datasource, limit=240):
    """Waits as F2 does: by source, until every job has ended."""
    began = time.time()
    while time.time() - began < limit:
        answer = client.http_client.get(f"{client.base_url}/v1/jobs/by-source", params={"source": "datasource", "source_id": datasource})
        same("by-source", answer.status_code, 200)
        states = [record["jobs"]["latest_status"] for record in answer.json()]
        if states and all(s in ("completed", "failed", "error") for s in states):
            for record in answer.json():
                history = client.http_client.get(f"{client.base_url}/v1/jobs/history/{record['jobs']['id']}")
                same("history", history.json()["latest_status"], record["jobs"]["latest_status"])
            return states
        time.sleep(0.2)
    raise SystemExit("the jobs do not end")


def login():
    holds("nf login", nf("login"), os.environ["NF_API_KEY"][:7])
    shown = nf("show", "--json")
    for part in ("user", "organization", "team", "project"):
        if not shown[part] or not shown[part].get("id"):
            raise SystemExit(f"nf show: no {part}: {shown}")
    if os.environ["NF_API_KEY"] in json.dumps(shown):
        raise SystemExit("nf show prints the key")
    for noun, mine in (("orgs", "organization"), ("teams", "team"), ("projects", "project")):
        listed = nf(noun, "list", "--json")
        same(f"nf {noun} list", [x["id"] for x in listed if x["is_current"]], [shown[mine]["id"]])
        holds(f"nf {noun} set", nf(noun, "set", shown[mine]["id"]), shown[mine]["id"])
        holds(f"nf {noun} select", nf(noun, "select", stdin="1\n"), listed[0]["id"])
    nf("projects", "set", shown["project"]["id"])
    say("nf login, show; orgs, teams, projects: list, set, select")
    return shown


def people(client, shown):
    org = client.organizations.create(name="Acme", description="For tests")
    same("organization", (org.name, client.organizations.get(org.id).description), ("Acme", "For tests"))
    same("renamed", client.organizations.update(org.id, name="Acme 2").name, "Acme 2")
    platform = client.post("v1/platforms", data={"name": "Europe"})
    same("moved", client.organizations.move(org.id, platform["id"]).platform_id, platform["id"])
    team = client.teams.create(name="Blue", organization_id=org.id)
    same("team", (team.name, team.organization_id), ("Blue", org.id))
    same("renamed team", client.teams.update(team.id, name="Green").name, "Green")
    same("moved team", client.teams.move(team.id, shown["organization"]["id"]).organization_id, shown["organization"]["id"])
    user = client.users.create(email="ada@example.com", name="Ada", organization_id=shown["organization"]["id"], role="member")
    same("user", (user.email, user.role), ("ada@example.com", "member"))
    same("changed user", client.users.update(user.id, name="Ada L").name, "Ada L")
    same("current user", client.users.get_current().id, shown["user"]["id"])
    found = client.users.get_teams_with_organizations_and_projects(user_id=shown["user"]["id"])
    holds("teams of the user", json.dumps(found), shown["team"]["id"], shown["project"]["id"])
    if user.id not in [u.id for u in client.users.list(organization_id=shown["organization"]["id"])]:
        raise SystemExit("the user is not listed")
    project = client.projects.create(name="Moving", team_id=shown["team"]["id"], description="x")
    same("changed project", client.projects.update(project.id, name="Moved").name, "Moved")
    same("moved project", client.projects.move(project.id, team.id).team_id, team.id)
    same("deleted project", client.projects.delete(project.id, permanent=True).id, project.id)
    same("deleted user", client.users.delete(user.id).id, user.id)
    same("deleted team", client.teams.delete(team.id).id, team.id)
    same("deleted organization", client.organizations.delete(org.id).id, org.id)
    refused("a project that is gone", lambda: client.projects.get(project.id), 404)
    say("organizations, teams, users, projects: create, update, move, delete")


def load(client, project, folder):
    """nf datasources create --file: a job is submitted, the file is sent, the job followed."""
    path = prices(os.path.join(folder, "prices.csv"))
    # The command ends with this error because of its own json.dumps of a time; all its
    # work is done by then.
    out = nf("datasources", "create", "Prices", "--file", path, "--project-id", project, status=1)
    holds("nf datasources create", out, "Created datasource: Prices", "Created upload job: ", "File uploaded successfully!",
          "Data processing completed successfully!", "not JSON serializable")
    datasource = re.search(r"ID: ([0-9a-f-]{36})", out).group(1)
    job = re.search(r"upload job: ([0-9a-f-]{36})", out).group(1)
    same("nf jobs subscribe", "reached final status: completed" in nf("jobs", "subscribe", "--job-id", job), True)
    states = settle(client, project, datasource)
    same("every job has completed", set(states), {"completed"})
    same("status", client.get(f"v1/datasources/{datasource}")["status"], "ready")
    same("nf datasources list", [(d["id"], d["name"]) for d in nf("datasources", "list", "--json")], [(datasource, "Prices")])
    say(f"nf datasources create --file, jobs submit, load, status, by-source, history: {len(states)} jobs")
    return datasource, job


def load_in_python(client, project, folder):
    datasource = client.datasources.create(name="Small", project_id=project, type="csv")
    path = os.path.join(folder, "small.csv")
    with open(path, "w") as file:
        file.write("id,name\n1,a\n2,b\n")
    answer = client.datasources.load_data(datasource.id, path, project_id=project)
    same("load_data", (answer["datasource_id"], answer["success"]), (datasource.id, True))
    settle(client, project, datasource.id)
    same("update", client.datasources.update(datasource.id, name="Smaller", uri="https://example.com/x").name, "Smaller")
    rows = [d for d in client.datalines.list(project_id=project) if d.name in ("Small", "Smaller")]
    same("one dataline", len(rows), 1)
    same("a bare load writes no programs", client.query_programs.list(dataline_id=rows[0].id), [])
    dataobject = rows[0].dataobject_id
    twin = client.datalines.create(name="Twin", project_id=project, dataobject_id=dataobject, schema_code="class A: pass", data_model={"columnT": {"name": "A"}, "schemaT": {"name": "B"}})
    same("a dataline of one's own", (twin.name, twin.schema_code, twin.data_model), ("Twin", "class A: pass", {"columnT": {"name": "A"}, "schemaT": {"name": "B"}}))
    same("renamed dataline", client.datalines.update(twin.id, name="Twins", data_model={"schemaT": {"name": "C"}}).name, "Twins")
    same("its code", client.datalines.update_schema(twin.id, "class B: pass").schema_code, "class B: pass")
    same("deleted dataline", client.datalines.delete(twin.id, permanent=True).id, twin.id)
    same("deleted datasource", client.datasources.delete(datasource.id, permanent=True).id, datasource.id)
    refused("a datasource that is gone", lambda: client.datasources.get(datasource.id), 404)
    say("datasources load_data, update, delete; datalines create, update, update_schema, delete")


def subscribe(client, job):
    """F2 subscribes with POST in a thread, and ends at a terminal event."""
    seen = []

    def read():
        with client.http_client.stream("POST", f"{client.base_url}/v1/jobs/subscribe/{job}", timeout=60) as answer:
            same("subscribe", answer.status_code, 200)
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    seen.append(event["event_type"])
                    if event["event_type"] in ("job.completed", "job.failed", "job.error"):
                        return

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(60)
    same("the last event", seen[-1:], ["job.completed"])
    say(f"jobs subscribe by POST: {len(seen)} events")


def programs(client, project):
    datalines = client.datalines.list(project_id=project)
    line = [d for d in datalines if d.name == "Prices"][0]
    holds("nf datalines list", nf("datalines", "list"), line.id, "PricesSchemaT")
    holds("nf datalines get --model", nf("datalines", "get", line.id, "--model"), "columnT", "VOLUME")
    holds("nf datalines get --code", nf("datalines", "get", line.id, "--code"), "CREATE TABLE")
    nf("datalines", "get", "01890000-0000-7000-8000-00000000beef", status=1)
    found = client.query_programs.list(project_id=project)
    if len(found) < 5:
        raise SystemExit(f"{len(found)} programs were written, want at least 5")
    listed = nf("query", "list", "--project-id", project)
    for p in found[:5]:
        holds("nf query list", listed, p.id)
    for p in found[:12]:
        answer = client.query_programs.evaluate(p.id, project_id=project)
        if not answer["data"] and not answer["items"]["MAIN"]["item"]["data_schema"]:
            raise SystemExit(f"{p.query} answers nothing: {answer}")
        same("published", client.query_programs.publish(p.id, group_slots=False).published, True)
    say(f"datalines; query programs list, evaluate, publish: {len(found)} programs")
    first = found[0].id
    holds("nf query get", nf("query", "get", first), first, "Published", "Yes")
    nf("query", "get", first, "--run", "--project-id", project)
    holds("nf query get --unpublish", nf("query", "get", first, "--unpublish"), "unpublished successfully")
    holds("nf query get --publish", nf("query", "get", first, "--publish"), "published successfully")
    nf("query", "select", "--run", stdin="1\n")
    nf("query", "get", first, "--analyze", status=1)  # the package has no such method
    mine = client.query_programs.create(name="Mine", question="How many?", code="SELECT count(*) AS n FROM prices", dataline_id=line.id, project_id=project)
    same("a program of one's own", (mine.query, mine.query_program), ("How many?", "SELECT count(*) AS n FROM prices"))
    same("it runs", client.query_programs.evaluate(mine.id, project_id=project)["data"], [{"n": 900}])
    kept = client.query_programs.update(mine.id, code="class AnswerQueryProgram(QueryProgram):\n    pass\n")
    same("other code round-trips", kept.query_program, "class AnswerQueryProgram(QueryProgram):\n    pass\n")
    same("deleted program", client.query_programs.delete(mine.id).id, mine.id)
    say("nf query list, get, select with --run, --publish, --unpublish; create, update, delete")


def live(client, project):
    answer = client.http_client.get(f"{client.base_url}/v1/apis/project/{project}")
    same("apis", answer.status_code, 200)
    apis = answer.json()
    same("one API", len(apis), 1)
    api, called = apis[-1], 0
    for endpoint in api["endpoints"]:
        for start in ("/live", "/v1/live", "/api/infactory/live"):
            url = f"{client.base_url}{start}/{api['base_path']}/{api['version']}/{endpoint['path']}"
            got = client.http_client.get(url)
            same(url, got.status_code, 200)
            if "MAIN" not in got.json()["items"]:
                raise SystemExit(f"{url}: {got.text[:300]}")
        called += 1
    nf("endpoints", "list", "--project-id", project)
    nf("endpoints", "curl-example", "ep-1")
    say(f"apis of a project, live calls under three prefixes: {called} endpoints")


def main():
    shown = login()
    client = InfactoryClient().connect()
    people(client, shown)
    project = client.projects.create(name="Stocks", team_id=shown["team"]["id"]).id
    nf("projects", "set", project)
    with tempfile.TemporaryDirectory() as folder:
        _, job = load(client, project, folder)
        load_in_python(client, project, folder)
    subscribe(client, job)
    programs(client, project)
    live(client, project)
    holds("nf logout", nf("logout"), "Logout successful!")
    say("nf logout")


main()
