using System.Diagnostics;
using System.Text.Json;
using Ingest.LocalHub;
using Ingest.TestSupport.Databases;
using Xunit;

namespace Ingest.IntegrationTests.LocalHub.Support;

/// <summary>Microsoft's JavaScript client of Event Hubs, run in Node.</summary>
internal static class OfficialClient
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);

    /// <summary>Runs a command of <c>official-client.mjs</c> against the hub and returns its result.</summary>
    public static async Task<JsonElement> RunAsync(LocalEventHub hub, string command, object arguments)
    {
        var cancelled = TestContext.Current.CancellationToken;
        var packages = await TestPackages.FolderAsync(cancelled);
        var script = Path.Combine(AppContext.BaseDirectory, "LocalHub", "official-client.mjs");
        using var node = Process.Start(new ProcessStartInfo(
            "node", [script, packages, hub.ConnectionString, command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            // Not on the command line, which is too short for a large body.
            await node.StandardInput.WriteAsync(JsonSerializer.Serialize(arguments, Options));
            node.StandardInput.Close();
            var output = node.StandardOutput.ReadToEndAsync(cancelled);
            var errors = node.StandardError.ReadToEndAsync(cancelled);
            await node.WaitForExitAsync(cancelled).WaitAsync(TimeSpan.FromSeconds(90), cancelled);
            Assert.True(node.ExitCode == 0, await errors);
            return JsonDocument.Parse((await output).TrimEnd().Split('\n')[^1]).RootElement;
        }
        finally
        {
            if (!node.HasExited)
            {
                node.Kill(entireProcessTree: true);
            }
        }
    }
}
