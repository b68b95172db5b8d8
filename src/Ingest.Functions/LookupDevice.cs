using Ingest.Lookup;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Ingest.Functions;

/// <summary>Answers with the document of a device.</summary>
public sealed class LookupDevice(DeviceLookup lookup)
{
    [Function(nameof(LookupDevice))]
    public async Task<IResult> RunAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", Route = "devices/{deviceId}")] HttpRequest request,
        string deviceId,
        CancellationToken cancellationToken) => new LookupAnswer(await lookup.FindAsync(deviceId, cancellationToken));
}
