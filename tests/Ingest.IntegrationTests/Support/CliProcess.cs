using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Ingest.IntegrationTests.Support;

/// <summary>What a finished <c>ingest</c> process said.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Errors)
{
    /// <summary>The last line of standard output, read as JSON.</summary>
    public JsonElement Json => JsonDocument.Parse(Output.TrimEnd().Split('\n')[^1]).RootElement;

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Errors}";
}

/// <summary>The real command in a process of its own. Killed when the test ends, whatever happened.</summary>
internal sealed class CliProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly ConcurrentDictionary<TaskCompletionSource, string> _awaited = new();

    private CliProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public static CliProcess Start(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Ingest.Cli.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // No appsettings.json of somebody else.
            WorkingDirectory = Directory.CreateTempSubdirectory("ingest-cli-").FullName,
        };
        foreach (var (name, value) in environment)
        {
            info.Environment[name] = value;
        }

        var running = new CliProcess(new Process { StartInfo = info });
        running._process.OutputDataReceived += (_, line) => running.Take(running._output, line.Data);
        running._process.ErrorDataReceived += (_, line) => running.Take(running._errors, line.Data);
        running._process.Start();
        running._process.BeginOutputReadLine();
        running._process.BeginErrorReadLine();
        return running;
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<CliResult> RunAsync(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        await using var process = Start(environment, arguments);
        return await process.EndAsync();
    }

    /// <summary>Waits until it has said a line that contains this.</summary>
    public async Task SaysAsync(string text)
    {
        var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _awaited[said] = text;
        lock (_output)
        {
            if (_output.ToString().Contains(text, StringComparison.Ordinal) || _errors.ToString().Contains(text, StringComparison.Ordinal))
            {
                said.TrySetResult();
            }
        }

        if (await Task.WhenAny(said.Task, EndAsync()) != said.Task)
        {
            Assert.Fail($"It ended without saying '{text}': {await EndAsync()}");
        }
    }

    public async Task<CliResult> EndAsync()
    {
        using var timeout = new CancellationTokenSource(Patience, TimeProvider.System);
        await _process.WaitForExitAsync(timeout.Token);
        lock (_output)
        {
            return new CliResult(_process.ExitCode, _output.ToString(), _errors.ToString());
        }
    }

    /// <summary>SIGTERM, as Kubernetes sends it.</summary>
    public Task TerminateAsync() => SignalAsync("-TERM");

    /// <summary>SIGINT, as Ctrl-C sends it.</summary>
    public Task InterruptAsync() => SignalAsync("-INT");

    /// <summary>SIGKILL to this process alone.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        Directory.Delete(_process.StartInfo.WorkingDirectory, recursive: true);
        _process.Dispose();
    }

    private async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [signal, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        Assert.Equal(0, kill.ExitCode);
    }

    private void Take(StringBuilder text, string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_output)
        {
            text.AppendLine(line);
        }

        foreach (var (said, awaited) in _awaited)
        {
            if (line.Contains(awaited, StringComparison.Ordinal))
            {
                said.TrySetResult();
            }
        }
    }
}
