using System.Globalization;
using Ingest.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Ingest.Functions.Hosting;

/// <summary>
/// How long the pipeline may try within one invocation. It gives up before the host's function timeout: past that, the host kills the process with every
/// invocation in it, in place of letting the retry policy wait.
/// </summary>
public static class InvocationTime
{
    /// <summary>The host's timeout: <c>functionTimeout</c> in host.json, unless the app setting <c>AzureFunctionsJobHost__functionTimeout</c> changes it.</summary>
    public static readonly TimeSpan FunctionTimeout = TimeSpan.FromMinutes(10);

    /// <summary>When the pipeline gives up, in seconds, where <c>Commit__GiveUpAfterSeconds</c> does not say.</summary>
    public const int GiveUpAfterSeconds = 240;

    // For decoding, for the transaction under way to end, and for the answer to reach the host.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    internal static TimeSpan Limit(IConfiguration configuration) =>
        TimeSpan.TryParse(configuration["AzureFunctionsJobHost:functionTimeout"], CultureInfo.InvariantCulture, out var timeout) ? timeout : FunctionTimeout;

    internal static void SetDefault(CommitSettings settings)
    {
        if (settings.GiveUpAfterSeconds == 0)
        {
            settings.GiveUpAfterSeconds = GiveUpAfterSeconds;
        }
    }

    internal sealed class Validation(IConfiguration configuration) : IValidateOptions<CommitSettings>
    {
        public ValidateOptionsResult Validate(string? name, CommitSettings options)
        {
            // A transaction under way when the time is over may take another statement's time. Read as it is: the section's own validation judges it.
            var statement = int.TryParse(configuration[$"{DatabaseSettings.Section}:{nameof(DatabaseSettings.CommandTimeoutSeconds)}"], CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : new DatabaseSettings().CommandTimeoutSeconds;
            var needed = TimeSpan.FromSeconds((double)options.GiveUpAfterSeconds + statement) + Margin;
            var limit = Limit(configuration);
            return limit < TimeSpan.Zero || needed <= limit
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail(
                    $"Commit__GiveUpAfterSeconds: {options.GiveUpAfterSeconds} s, Database__CommandTimeoutSeconds ({statement} s) and {Margin.TotalSeconds} s together are longer than an invocation may take ({limit.TotalSeconds} s, functionTimeout in host.json): lower it, or raise the timeout.");
        }
    }
}
