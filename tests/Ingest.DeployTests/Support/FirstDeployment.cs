using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>One deployment into nothing, for the tests that only read what it did.</summary>
public sealed class FirstDeployment : IAsyncLifetime
{
    private readonly ScriptRun run = Deployment.Machine();

    internal ScriptResult Result { get; private set; } = null!;

    internal IEnumerable<string> FilesLeft => Directory.EnumerateFileSystemEntries(run.In("tmp"));

    public async ValueTask InitializeAsync() => Result = await Deployment.DeployAsync(Deployment.FirstTime(run));

    public ValueTask DisposeAsync()
    {
        run.Dispose();
        return ValueTask.CompletedTask;
    }
}
