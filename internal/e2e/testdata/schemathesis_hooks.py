"""What Schemathesis cannot know of the server: see schemathesis.toml."""
import schemathesis


@schemathesis.serializer("application/partial-upload")
def partial_upload(ctx, value):
    """Parts of files are bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_query(ctx, query):
    """Leaves out after and as_of: what the server gave before.

    They are cursors and names of versions, which nobody can make up; the Go tests
    try wrong ones.
    """
    for name in ("after", "_after", "as_of", "_as_of"):
        if query:
            query.pop(name, None)
    return query


@schemathesis.hook
def filter_query(ctx, query):
    """Leaves out empty values of parameters that are no texts.

    The document says of them allowEmptyValue: the server takes an empty parameter
    for an absent one, as some clients mean it. Schemathesis knows nothing of that
    word and expects a refusal. The word null is taken for an absent one, too, as
    clients mean it that write every parameter.
    """
    parameters = {p["name"]: p for p in ctx.operation.definition.raw.get("parameters", []) if p.get("in") == "query"}
    return not any(value in ("", "null", None) and parameters.get(name, {}).get("allowEmptyValue") for name, value in (query or {}).items())
