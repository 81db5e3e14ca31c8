"""The HTTP-connection workflow, step by step, with nothing but requests.

    export MILLWRIGHT_API_KEY=...            # printed by the first 'millwright serve'
    export MILLWRIGHT_URL=http://127.0.0.1:7400
    python3 http_connection.py https://api.example.com/v1/orders data.orders

SOURCE_TOKEN, if set, is sent to the API as a bearer token.
"""

import os
import sys
import time

import requests

BASE = os.environ.get("MILLWRIGHT_URL", "http://127.0.0.1:7400")
HEADERS = {"Authorization": f"Bearer {os.environ['MILLWRIGHT_API_KEY']}"}


def call(method, path, **kwargs):
    """Return the JSON answer; stop with the server's explanation on an error."""
    response = requests.request(method, BASE + path, headers=HEADERS, timeout=120, **kwargs)
    if response.status_code != 200:
        problem = response.json()
        sys.exit(f"{method} {path}: {problem['status']} {problem['detail']}")
    return response.json()


def main(url, response_path=None):
    organization = call("GET", "/v1/orgs")[0]
    team = call("GET", "/v1/teams", params={"organization_id": organization["id"]})[0]
    project = call("POST", "/v1/projects", json={"name": "HTTP example", "team_id": team["id"]})

    token = os.environ.get("SOURCE_TOKEN")
    config = {
        "url": url,
        "method": "GET",
        "headers": {"Accept": "application/json"},
        "parameters": {},
        "parameterGroups": [],
        "authType": "Bearer Token" if token else "None",
        "auth": {"bearerToken": token} if token else {},
    }
    if response_path:
        config["responsePathExtractor"] = response_path

    print("Step 1: test the connection")
    test = call("POST", "/v1/http/test-connection", json=config)
    if not test["success"]:
        sys.exit(f"the connection fails: {test['data']['message']}")
    print(f"  {test['status']}, {test['response_time']} ms, {test['size']} bytes, {test['content_type']}")

    print("Step 2: create the datasource")
    datasource = call("POST", "/v1/datasources", json={
        "name": "HTTP example", "project_id": project["id"],
        "type": "http-requests", "status": "transformation_started",
    })

    print("Step 3: store the credentials")
    stored = {key: config[key] for key in ("url", "method", "headers", "auth")}
    call("POST", "/v1/credentials", json={
        "name": "Credentials for HTTP example", "type": "api", "description": "from the example",
        "metadata": stored, "config": stored, "datasource_id": datasource["id"],
        "team_id": team["id"], "organization_id": organization["id"],
    })

    print("Step 4: execute the request")
    started = call("POST", "/v1/http/execute-request", json={
        **config, "project_id": project["id"], "datasource_id": datasource["id"],
        "connect_spec": {"name": "HTTP example", "id": "http-requests", "config": config},
    })
    for job in started["jobs"]:
        while job["status"] not in ("completed", "failed", "canceled"):
            time.sleep(0.2)
            job = call("GET", f"/v1/jobs/{job['id']}")
        print(f"  {job['job_type']}: {job['status']}")
        if job["status"] != "completed":
            sys.exit(job["error"]["detail"])

    datalines = call("GET", f"/v1/datasources/{datasource['id']}/with_datalines")["datalines"]
    print(f"The dataset {datalines[0]['table_name']} has {datalines[0]['rows']} rows")

    print("The questions")
    for program in call("GET", "/v1/queryprograms", params={"project_id": project["id"]}):
        result = call("POST", "/v1/run/queryprogram", json={
            "project_id": project["id"], "queryprogram_id": program["id"],
        })
        print(f"  {program['cue']} -> {result['row_count']} rows")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
