using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>
/// The Bicep CLI as a server on its standard input and output (JSON-RPC 2.0): one process loads Azure's types once for all templates.
/// </summary>
internal sealed class BicepCli : IAsyncDisposable
{
    private readonly Process process;
    private int lastId;

    public BicepCli()
    {
        var path = DeployFolder.BicepCli;
        Assert.True(File.Exists(path), $"The Bicep CLI is not at {path}. Run: dotnet restore tests/Ingest.DeployTests");
        if (!OperatingSystem.IsWindows())
        {
            // NuGet unpacks without the execute bit for everybody.
            var mode = File.GetUnixFileMode(path);
            if (!mode.HasFlag(UnixFileMode.UserExecute))
            {
                File.SetUnixFileMode(path, mode | UnixFileMode.UserExecute);
            }
        }

        var start = new ProcessStartInfo(path, ["jsonrpc", "--stdio"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
    }

    public Task<JsonObject> CompileAsync(string path) => CallAsync("bicep/compile", new JsonObject { ["path"] = path });

    public Task<JsonObject> CompileParametersAsync(string path) =>
        CallAsync("bicep/compileParams", new JsonObject { ["path"] = path, ["parameterOverrides"] = new JsonObject() });

    /// <summary>The resources that a parameters file would deploy, every expression evaluated that needs no Azure.</summary>
    public async Task<Snapshot> SnapshotAsync(string path)
    {
        var metadata = new JsonObject
        {
            ["tenantId"] = "00000000-0000-0000-0000-000000000002",
            ["subscriptionId"] = "00000000-0000-0000-0000-000000000001",
            ["resourceGroup"] = "rg",
            ["location"] = "westeurope",
            ["deploymentName"] = "test",
        };
        var result = await CallAsync("bicep/getSnapshot", new JsonObject { ["path"] = path, ["metadata"] = metadata });
        return new Snapshot(JsonNode.Parse(result["snapshot"]!.GetValue<string>())!.AsObject());
    }

    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            process.Kill();
        }

        await process.WaitForExitAsync();
        process.Dispose();
    }

    private async Task<JsonObject> CallAsync(string method, JsonObject parameters)
    {
        var request = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = ++lastId, ["method"] = method, ["params"] = parameters };
        var body = Encoding.UTF8.GetBytes(request.ToJsonString());
        var input = process.StandardInput.BaseStream;
        await input.WriteAsync(Encoding.ASCII.GetBytes($"Content-Length: {body.Length}\r\n\r\n"));
        await input.WriteAsync(body);
        await input.FlushAsync();

        var answer = JsonNode.Parse(await ReadMessageAsync(process.StandardOutput.BaseStream))!.AsObject();
        Assert.True(answer["error"] is null, $"{method} failed: {answer["error"]?.ToJsonString()}");
        return answer["result"]!.AsObject();
    }

    private static async Task<byte[]> ReadMessageAsync(Stream output)
    {
        var length = 0;
        for (var header = await ReadLineAsync(output); header.Length > 0; header = await ReadLineAsync(output))
        {
            if (header.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
            {
                length = int.Parse(header.AsSpan("Content-Length:".Length), CultureInfo.InvariantCulture);
            }
        }

        var message = new byte[length];
        await output.ReadExactlyAsync(message);
        return message;
    }

    private static async Task<string> ReadLineAsync(Stream output)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (true)
        {
            await output.ReadExactlyAsync(one);
            if (one[0] == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }

            line.Append((char)one[0]);
        }
    }
}
