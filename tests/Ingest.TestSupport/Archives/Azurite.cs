using System.Diagnostics;
using System.Globalization;
using Azure.Storage.Blobs;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;

namespace Ingest.TestSupport.Archives;

/// <summary>Azure's blob storage on loopback, started when the first test asks for it: an assembly fixture.</summary>
public sealed class Azurite : IAsyncDisposable
{
    private readonly Lazy<Task<(Process Process, string ConnectionString)>> _server = new(StartAsync);
    private int _containers;

    public async Task<string> ConnectionStringAsync() => (await _server.Value).ConnectionString;

    /// <summary>A new container.</summary>
    public async Task<BlobContainerClient> ContainerAsync()
    {
        var container = new BlobContainerClient(
            await ConnectionStringAsync(), FormattableString.Invariant($"archive-{Interlocked.Increment(ref _containers)}"));
        await container.CreateAsync();
        return container;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            var process = (await _server.Value).Process;
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }

    private static async Task<(Process Process, string ConnectionString)> StartAsync()
    {
        var packages = await TestPackages.BlobStorageAsync(CancellationToken.None);
        var port = LoopbackPort.Free().ToString(CultureInfo.InvariantCulture);
        var folder = Directory.CreateTempSubdirectory("ingest-azurite-").FullName;
        var process = Process.Start(new ProcessStartInfo(
            "node",
            [
                Path.Combine(packages, "node_modules", "azurite", "dist", "src", "blob", "main.js"),
                "--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence", "--disableTelemetry",
                "--skipApiVersionCheck",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        })!;
        var listens = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        process.ErrorDataReceived += (_, _) => { };
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.Contains("successfully listen", StringComparison.Ordinal) == true)
            {
                listens.TrySetResult();
            }
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        if (await Task.WhenAny(listens.Task, process.WaitForExitAsync()) == listens.Task)
        {
            // The account and the key that every Azurite has.
            return (process, "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
                + "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
                + $"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;");
        }

        throw new InvalidOperationException($"Azurite ended with {process.ExitCode} before it listened.");
    }
}
