using Ingest.Worker.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Ingest.Tests.Worker;

/// <summary>How the worker's host begins and ends.</summary>
public sealed class WorkerHostTests
{
    [Fact]
    public async Task Told_to_stop_while_it_starts_it_ends_as_one_that_was_told_to_stop()
    {
        var settings = WorkerSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Hub:ConnectionString"] = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=a2V5;EntityPath=telemetry;UseDevelopmentEmulator=true",
            ["Database:ConnectionString"] = "Host=127.0.0.1;Port=1;Username=nobody;Database=none",
            ["Health:Port"] = "0",
        }).Build());
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddIngestWorker(settings);
        var host = builder.Build();
        host.Services.GetRequiredService<ShutdownSignals>().RequestStop();

        Assert.Equal(WorkerProgram.Success, await WorkerProgram.RunAsync(() => host));
    }
}
