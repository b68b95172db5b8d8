using System.Net;
using System.Net.Sockets;
using Ingest.Functions.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Ingest.Tests.Hosting;

public sealed class ReadinessTests
{
    [Fact]
    public async Task A_database_that_nothing_listens_for_is_not_ready_and_said_so()
    {
        var settings = FunctionAppSettings.Complete();
        settings["Database__ConnectionString"] = $"Host=127.0.0.1;Port={ClosedPort()};Username=u;Password=p;Database=d";
        await using var services = FunctionAppSettings.Compose(settings);

        var report = await services.GetRequiredService<Readiness>().AskAsync(TestContext.Current.CancellationToken);

        Assert.False(report.Ready);
        Assert.NotEmpty(Assert.Single(report.Problems));
        Assert.Equal("Working", report.State);
    }

    [Fact]
    public async Task A_callers_cancellation_is_the_callers()
    {
        await using var services = FunctionAppSettings.Compose(FunctionAppSettings.Complete());
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => services.GetRequiredService<Readiness>().AskAsync(cancelled.Token));
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
