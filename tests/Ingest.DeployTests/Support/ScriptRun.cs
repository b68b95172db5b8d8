using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>One call that a script made. Files that an argument names with <c>@</c> are kept as they were then.</summary>
internal sealed record Call(string Program, IReadOnlyList<string> Arguments, IReadOnlyList<string> Files)
{
    public string Text => $"{Program} {string.Join(' ', Arguments)}";

    public string? After(string option)
    {
        var at = Arguments.ToList().IndexOf(option);
        return at < 0 ? null : Arguments[at + 1];
    }
}

internal sealed record ScriptResult(int ExitCode, string Output, string Error, IReadOnlyList<Call> Calls)
{
    public Call Only(string start) => Assert.Single(Calls, call => call.Text.StartsWith(start, StringComparison.Ordinal));

    public bool Has(string start) => Calls.Any(call => call.Text.StartsWith(start, StringComparison.Ordinal));

    /// <summary>Where calls that start so are, which have to be there and in this order; of several, the first.</summary>
    public IReadOnlyList<int> PlacesInOrder(params string[] starts)
    {
        var calls = Calls.ToList();
        var places = starts.Select(start => calls.FindIndex(call => call.Text.StartsWith(start, StringComparison.Ordinal))).ToList();
        Assert.DoesNotContain(-1, places);
        Assert.Equal(places.Order(), places);
        return places;
    }

    public int Count(string start) => Calls.Count(call => call.Text.StartsWith(start, StringComparison.Ordinal));
}

/// <summary>
/// Runs a shell script in a copy of the repository whose path has a space, with a path on which there are the plain tools it may use
/// and stand-ins for everything that reaches out.
/// </summary>
internal sealed class ScriptRun : IDisposable
{
    private static readonly string[] PlainTools =
    [
        "awk", "base64", "bash", "cat", "cut", "date", "dirname", "env", "find", "grep", "gzip", "head", "mkdir", "mktemp", "rm", "sed",
        "seq", "sort", "tar", "touch", "tr",
        OperatingSystem.IsMacOS() ? "shasum" : "sha256sum",
    ];

    private static readonly Lazy<Dictionary<string, string>> ToolPaths = new(() =>
        PlainTools.ToDictionary(
            tool => tool,
            tool => DeployFolder.Need(tool, "The scripts of deploy/functions use it. On Windows run these tests in WSL.")));

    private readonly string folder = Directory.CreateTempSubdirectory("ingest deploy-").FullName;
    private readonly Dictionary<string, string> environment = [];
    private int answers;

    public ScriptRun(params string[] standIns)
    {
        foreach (var part in new[] { "bin", "answers", "flags", "tmp", "repo/sql", "repo/src/Ingest.Functions" })
        {
            Directory.CreateDirectory(In(part));
        }

        File.WriteAllText(In("calls"), "");
        File.WriteAllText(In("repo/sql/0001_first.sql"), "SELECT 1;\n");
        File.WriteAllText(In("repo/sql/0002_second.timescale.sql"), "SELECT 2;\n");
        File.WriteAllText(In("a package.zip"), "zip");
        foreach (var file in DeployFolder.Files("*.sh").Concat(DeployFolder.Files("*.bicepparam")))
        {
            var copy = In(Path.Combine("repo", "deploy", "functions", Path.GetRelativePath(DeployFolder.Functions, file)));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (var (tool, path) in ToolPaths.Value)
        {
            File.CreateSymbolicLink(In($"bin/{tool}"), path);
        }

        foreach (var name in standIns)
        {
            File.Copy(Path.Combine(DeployFolder.StandIns, "stand-in"), In($"bin/{name}"));
        }
    }

    public string In(string path) => Path.Combine(folder, path);

    /// <summary>
    /// Answers calls that fit a pattern of the shell (<c>az account show*</c>). What is said first goes before. With
    /// <paramref name="needs"/> it is said only while that flag is up; <paramref name="sets"/> puts one up and <paramref name="clears"/>
    /// takes one down. With <paramref name="to"/> the output goes into the file that the call names after that option.
    /// </summary>
    public ScriptRun Answer(string pattern, string output = "", int code = 0, int? times = null, string? signal = null,
        string? needs = null, string? sets = null, string? clears = null, string? to = null)
    {
        var answer = In(string.Create(CultureInfo.InvariantCulture, $"answers/{answers++:00}"));
        Directory.CreateDirectory(answer);
        File.WriteAllText(Path.Combine(answer, "pattern"), pattern);
        File.WriteAllText(Path.Combine(answer, "out"), output);
        File.WriteAllText(Path.Combine(answer, "code"), code.ToString(CultureInfo.InvariantCulture));
        if (times is { } left)
        {
            File.WriteAllText(Path.Combine(answer, "times"), left.ToString(CultureInfo.InvariantCulture));
        }

        foreach (var (name, value) in new[] { ("signal", signal), ("needs", needs), ("sets", sets), ("clears", clears), ("to", to) })
        {
            if (value is not null)
            {
                File.WriteAllText(Path.Combine(answer, name), value);
            }
        }

        return this;
    }

    public ScriptRun With(string variable, string value)
    {
        environment[variable] = value;
        return this;
    }

    /// <summary>Puts a program of the test's own on the path.</summary>
    public ScriptRun Program(string name, string text)
    {
        File.WriteAllText(In($"bin/{name}"), text);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(In($"bin/{name}"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return this;
    }

    public ScriptRun Without(string tool)
    {
        File.Delete(In($"bin/{tool}"));
        return this;
    }

    /// <summary>Runs a script of <c>deploy/functions</c>.</summary>
    public async Task<ScriptResult> RunAsync(string script, params string[] arguments)
    {
        var start = new ProcessStartInfo(In("bin/bash"), [In($"repo/deploy/functions/{script}"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = In("bin");
        start.Environment["HOME"] = folder;
        start.Environment["TMPDIR"] = In("tmp");
        start.Environment["STAND_IN"] = folder;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new ScriptResult(process.ExitCode, await output, await error, await CallsAsync());
    }

    /// <summary>Asserts that a script refuses a command line, says why and how it is used, and has called nothing.</summary>
    public async Task RefusesAsync(string script, string message, params string[] arguments)
    {
        var result = await RunAsync(script, arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("error: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Contains($"usage: {script}", result.Error, StringComparison.Ordinal);
        Assert.Empty(result.Calls);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private async Task<IReadOnlyList<Call>> CallsAsync()
    {
        var text = await File.ReadAllTextAsync(In("calls"), TestContext.Current.CancellationToken);
        return [.. text.Split('\x1e', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];
    }

    private static Call Parse(string record)
    {
        var parts = record.Split('\x1f');
        var arguments = parts.Skip(1).Select(part => part.Split('\x1d')).ToList();
        return new Call(parts[0], [.. arguments.Select(a => a[0])], [.. arguments.Where(a => a.Length > 1).Select(a => a[1])]);
    }
}
