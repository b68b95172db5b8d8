using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Ingest.Functions;

/// <summary>
/// The process answers: what the platform's health check asks. It says nothing of the database, as an outage there must not take instances,
/// and the lookup with them, out of rotation.
/// </summary>
public static class Live
{
    [Function(nameof(Live))]
    public static IResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "live")] HttpRequest request) =>
        Results.Text("alive");
}
