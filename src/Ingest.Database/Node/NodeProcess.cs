using System.Diagnostics;

namespace Ingest.Database.Node;

/// <summary>
/// A script in Node that serves until this process lets go of its standard input: by <see cref="StopAsync"/>, or by ending in any way.
/// </summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private const int LinesKept = 40;

    private readonly Process _process;
    private readonly Queue<string> _errors = new();
    private readonly Task _readingErrors;
    private readonly TaskCompletionSource<string> _diedByItself = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stopping;

    private NodeProcess(Process process)
    {
        _process = process;
        _readingErrors = KeepErrorsAsync();
        _ = WatchAsync();
    }

    public int Id => _process.Id;

    public DateTime StartTime => _process.StartTime;

    /// <summary>Completes with the last lines of its standard error when it ends without having been stopped.</summary>
    public Task<string> DiedByItself => _diedByItself.Task;

    /// <summary>Starts <paramref name="script"/> of the scripts folder and waits for the line it prints when it is ready.</summary>
    public static async Task<(NodeProcess Process, string ReadyLine)> StartAsync(
        string script,
        IEnumerable<string> arguments,
        TimeSpan patience,
        Action<NodeProcess> started,
        CancellationToken cancellationToken)
    {
        // No text becomes code: what somebody may have put into a database or a library finds no way to run here.
        string[] nodeArguments =
            ["--no-warnings", "--disallow-code-generation-from-strings", Path.Combine(NodeCommand.Scripts, script), .. arguments];
        var node = new NodeProcess(NodeCommand.Start(NodeCommand.StartInfo("node", nodeArguments)));
        using var patient = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patient.CancelAfter(patience);
        try
        {
            started(node);
            var line = await node._process.StandardOutput.ReadLineAsync(patient.Token);
            if (line is null)
            {
                await node._readingErrors;
                throw new DatabaseSetupException($"{script} ended before it was ready. It says:{Environment.NewLine}{node.LastErrors()}");
            }

            return (node, line);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await node.KillAsync();
            throw new DatabaseSetupException(
                $"{script} was not ready within {patience.TotalSeconds} s. It says:{Environment.NewLine}{node.LastErrors()}");
        }
        catch
        {
            await node.KillAsync();
            throw;
        }
    }

    public string LastErrors()
    {
        lock (_errors)
        {
            return string.Join(Environment.NewLine, _errors);
        }
    }

    /// <summary>Lets go of it and waits until it is gone; kills it if it takes longer than <paramref name="patience"/>.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        _stopping = true;
        try
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync(CancellationToken.None).WaitAsync(patience, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            await KillAsync();
        }
        catch (IOException)
        {
            await KillAsync();
        }
    }

    /// <summary>Ends it at once (SIGKILL).</summary>
    public async Task KillAsync()
    {
        _stopping = true;
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.FromSeconds(10));
        _process.Dispose();
    }

    private async Task KeepErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
            {
                _errors.Enqueue(line);
                if (_errors.Count > LinesKept)
                {
                    _errors.Dequeue();
                }
            }
        }
    }

    private async Task WatchAsync()
    {
        await _process.WaitForExitAsync();
        await _readingErrors;
        if (!_stopping)
        {
            _diedByItself.TrySetResult(LastErrors());
        }
    }
}
