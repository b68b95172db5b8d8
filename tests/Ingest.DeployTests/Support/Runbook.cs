using System.Text.RegularExpressions;
using Xunit;

namespace Ingest.DeployTests.Support;

/// <summary>What the operations guide has an operator type, and the run of it.</summary>
internal static partial class Runbook
{
    /// <summary>The blocks of commands in a section, in order.</summary>
    public static IReadOnlyList<string> Of(string section)
    {
        var guide = File.ReadAllText(Path.Combine(DeployFolder.Root, "docs", "operations.md"));
        var start = guide.IndexOf($"## {section}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"The operations guide has no section {section}.");
        var end = guide.IndexOf("\n## ", start, StringComparison.Ordinal);
        return [.. Block().Matches(guide[start..(end < 0 ? guide.Length : end)]).Select(match => match.Groups["commands"].Value)];
    }

    /// <summary>Runs commands at the root of the copied repository, with the guide's own names for group and region.</summary>
    public static Task<ScriptResult> WalkAsync(ScriptRun run, string commands, params (string Name, string Value)[] variables)
    {
        File.WriteAllText(run.In("repo/runbook"), $"set -eu\ncd '{run.In("repo")}'\n{commands}\n");
        foreach (var (name, value) in variables)
        {
            run.With(name, value);
        }

        return run.With("GROUP", "my group").With("REGION", "westeurope").RunAsync("../../runbook");
    }

    [GeneratedRegex("```sh\n(?<commands>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
