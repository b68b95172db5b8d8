using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Ingest.TestSupport.Processes;

/// <summary>What a finished <c>ingest</c> process said.</summary>
public sealed record CliResult(int ExitCode, string Output, string Errors)
{
    /// <summary>The last line of standard output, read as JSON.</summary>
    public JsonElement Json => JsonElement.Parse(Output.TrimEnd().Split('\n')[^1]);

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Errors}";
}

/// <summary>The real command in a process of its own, from the binaries beside the caller's. Killed when it is disposed.</summary>
public sealed class CliProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly ConcurrentQueue<(bool IsError, string Line)> _lines = new();
    private readonly ConcurrentDictionary<TaskCompletionSource, string> _awaited = new();

    private CliProcess(Process process) => _process = process;

    /// <summary>When it was about to be started.</summary>
    public DateTimeOffset StartedAt { get; private init; }

    public bool HasEnded => _process.HasExited;

    /// <summary>Every line it has written, to either stream.</summary>
    public IReadOnlyList<string> Lines => [.. _lines.Select(line => line.Line)];

    public static CliProcess Start(IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) =>
        StartProgram("Ingest.Cli.dll", environment, arguments);

    /// <summary>Starts another program from the binaries beside the caller's.</summary>
    public static CliProcess StartProgram(
        string program, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments])
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

        var running = new CliProcess(new Process { StartInfo = info }) { StartedAt = TimeProvider.System.GetUtcNow() };
        running._process.OutputDataReceived += (_, line) => running.Take(isError: false, line.Data);
        running._process.ErrorDataReceived += (_, line) => running.Take(isError: true, line.Data);
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

    /// <summary>Physical memory in use now, in bytes.</summary>
    public long ResidentBytes()
    {
        _process.Refresh();
        return _process.WorkingSet64;
    }

    /// <summary>The processor time it has taken so far.</summary>
    public TimeSpan ProcessorTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    /// <summary>Waits until it has said a line that contains this.</summary>
    /// <exception cref="InvalidOperationException">It ended without saying so.</exception>
    public async Task SaysAsync(string text)
    {
        var said = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _awaited[said] = text;
        if (Lines.Any(line => line.Contains(text, StringComparison.Ordinal)))
        {
            said.TrySetResult();
        }

        if (await Task.WhenAny(said.Task, EndAsync()) != said.Task)
        {
            throw new InvalidOperationException($"ingest ended without saying '{text}': {await EndAsync()}");
        }
    }

    /// <summary>Waits for its end, five minutes at the most.</summary>
    /// <exception cref="TimeoutException">It did not end; the message shows what it said last.</exception>
    public async Task<CliResult> EndAsync()
    {
        using var timeout = new CancellationTokenSource(Patience, TimeProvider.System);
        try
        {
            return await EndedAsync(timeout.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"ingest {string.Join(' ', _process.StartInfo.ArgumentList.Skip(1))} has not ended in {Patience.TotalMinutes} minutes. "
                    + $"It said last:\n"
                + string.Join('\n', Lines.TakeLast(20)));
        }
    }

    /// <summary>Waits for its end, however long that takes.</summary>
    public async Task<CliResult> EndedAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken);
        return new CliResult(_process.ExitCode, Text(ofErrors: false), Text(ofErrors: true));
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
        if (kill.ExitCode != 0)
        {
            throw new InvalidOperationException($"kill {signal} {_process.Id} ended with {kill.ExitCode}: the process has ended already.");
        }
    }

    private string Text(bool ofErrors) => string.Concat(_lines.Where(line => line.IsError == ofErrors).Select(line => line.Line + '\n'));

    private void Take(bool isError, string? line)
    {
        if (line is null)
        {
            return;
        }

        _lines.Enqueue((isError, line));
        foreach (var (said, awaited) in _awaited)
        {
            if (line.Contains(awaited, StringComparison.Ordinal))
            {
                said.TrySetResult();
            }
        }
    }
}
