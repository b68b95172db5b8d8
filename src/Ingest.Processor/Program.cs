using Azure.Core;
using Azure.Messaging.EventHubs.Primitives;
using Azure.Storage.Blobs;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

return await WorkerProgram.RunAsync(() =>
{
    var builder = Host.CreateApplicationBuilder(args);
    var container = OwnershipSettings.Read(builder.Configuration).Container;
    builder.Services.AddIngestWorker(
        WorkerSettings.Read(builder.Configuration),
        services => new BlobCheckpointStore(new BlobContainerClient(container, services.GetRequiredService<TokenCredential>())));
    return builder.Build();
});
