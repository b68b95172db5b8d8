using Ingest.Lookup;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Cosmos;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace Ingest.Functions;

/// <summary>Answers with the document of a device.</summary>
public sealed class LookupDevice(TimeProvider clock, ILogger<DeviceLookup> logger)
{
    [Function(nameof(LookupDevice))]
    public async Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "devices/{deviceId}")] HttpRequest request,
        [CosmosDBInput("%CosmosDatabase%", "%CosmosContainer%", Connection = "Cosmos")] Container container,
        string deviceId,
        CancellationToken cancellationToken) =>
        new LookupAnswer(await new DeviceLookup(container, clock, logger).FindAsync(deviceId, cancellationToken));
}
