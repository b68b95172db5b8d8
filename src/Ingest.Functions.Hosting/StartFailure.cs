using Microsoft.Extensions.Options;

namespace Ingest.Functions.Hosting;

/// <summary>What a Function app says that cannot start on its settings.</summary>
public static class StartFailure
{
    /// <summary>The process's exit code: nothing was read or stored. The worker's for the same.</summary>
    public const int ExitCode = 2;

    /// <summary>
    /// All that is wrong with the settings, and where to put them right, in one line: of what a process says before it ends, the Functions host repeats
    /// no more than the last three lines. Null where the start failed for another reason.
    /// </summary>
    public static string? Describe(Exception exception)
    {
        var problems = Problems(exception).ToList();
        return problems.Count == 0
            ? null
            : $"The app cannot start on its settings. {string.Join(" ", problems)} These are app settings: in Azure among the app's environment variables, on a developer's machine under Values in local.settings.json; a name has __ where its section ends (Database__ConnectionString).";
    }

    // The host's own validation throws them one by one or together.
    private static IEnumerable<string> Problems(Exception exception) => exception switch
    {
        OptionsValidationException invalid => invalid.Failures,
        AggregateException several when several.InnerExceptions.All(inner => inner is OptionsValidationException) => several.InnerExceptions.SelectMany(Problems),
        _ => [],
    };
}
