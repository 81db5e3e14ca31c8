// Package openlineage tells what was made from what in the words of OpenLineage, a
// standard that catalogues of data read: one event when a run starts and one when it
// ends, with the datasets that went in and came out, their columns, and where each
// column comes from. It can send them, too, without ever holding up a run.
package openlineage

import "time"

// The states of a run that an event tells of.
const (
	Start    = "START"
	Complete = "COMPLETE"
	Fail     = "FAIL"
	Abort    = "ABORT" // somebody stopped it
)

// producer names this program, as every event and facet must.
const producer = "urn:millwright:server"

const spec = "https://openlineage.io/spec/"

// An Event tells of a change of a run's state.
type Event struct {
	EventTime time.Time `json:"eventTime"`
	EventType string    `json:"eventType" enum:"START,COMPLETE,FAIL,ABORT"`
	Producer  string    `json:"producer" doc:"This program"`
	SchemaURL string    `json:"schemaURL" doc:"The schema of this event"`
	Run       Run       `json:"run"`
	Job       Job       `json:"job"`
	Inputs    []Dataset `json:"inputs"`
	Outputs   []Dataset `json:"outputs"`
}

// A Run is one execution of a Job.
type Run struct {
	RunID  string `json:"runId" doc:"Id of our job"`
	Facets Facets `json:"facets,omitempty"`
}

// A Job is what is executed again and again.
type Job struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name" doc:"Project, table and what is done"`
	Facets    Facets `json:"facets,omitempty"`
}

// A Dataset is what went in or came out.
type Dataset struct {
	Namespace    string `json:"namespace"`
	Name         string `json:"name"`
	Facets       Facets `json:"facets,omitempty"`
	InputFacets  Facets `json:"inputFacets,omitempty"`
	OutputFacets Facets `json:"outputFacets,omitempty"`
}

// Facets say more, each under a name and with a schema of its own.
type Facets map[string]any

// add adds a facet. Schema is its path and name in the standard, or a URN of our own.
func (f Facets) add(name, schema string, fields map[string]any) {
	if schema[:4] != "urn:" {
		schema = spec + schema
	}
	fields["_producer"], fields["_schemaURL"] = producer, schema
	f[name] = fields
}

// The schemas of the facets that are told, in the versions that were written against.
const (
	eventSchema      = spec + "2-0-2/OpenLineage.json#/$defs/RunEvent"
	schemaSchema     = "facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
	sourceSchema     = "facets/1-0-1/DatasourceDatasetFacet.json#/$defs/DatasourceDatasetFacet"
	versionSchema    = "facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
	columnsSchema    = "facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet"
	statisticsSchema = "facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
	jobTypeSchema    = "facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
	aboutSchema      = "facets/1-1-0/DocumentationJobFacet.json#/$defs/DocumentationJobFacet"
	errorSchema      = "facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
	engineSchema     = "facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"
	pagesSchema      = "urn:millwright:facet:pages:1"
	verdictSchema    = "urn:millwright:facet:verdict:1"
	filesSchema      = "urn:millwright:facet:files:1"
)
