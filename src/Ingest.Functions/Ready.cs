using Ingest.Functions.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Ingest.Functions;

/// <summary>Whether readings can be stored now: 200, or 503 with what is wrong and what to do.</summary>
public sealed class Ready(Readiness readiness)
{
    [Function(nameof(Ready))]
    public async Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "ready")] HttpRequest request, CancellationToken cancellationToken)
    {
        var report = await readiness.AskAsync(cancellationToken);
        return Results.Json(report, statusCode: report.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
