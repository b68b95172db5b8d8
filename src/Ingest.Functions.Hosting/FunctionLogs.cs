using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;

namespace Ingest.Functions.Hosting;

/// <summary>
/// Which log lines leave the Function app. It exports them itself, past the levels in host.json; and at Information ASP.NET Core writes
/// several for every request.
/// </summary>
public static class FunctionLogs
{
    /// <summary>
    /// Warnings and worse, and what this code says at Information. App settings have the last word: <c>Logging__LogLevel__Default</c>, or
    /// one with a category in place of <c>Default</c>.
    /// </summary>
    public static void AddLevels(IConfigurationBuilder configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = new Dictionary<string, string?>
            {
                ["Logging:LogLevel:Default"] = "Warning",
                ["Logging:LogLevel:Ingest"] = "Information",
                // What Npgsql has to say reaches us as an exception, and is told in our words, once and in a line.
                ["Logging:LogLevel:Npgsql"] = "Critical",
                // It warns at every start that its keys are not encrypted. Nothing here is protected by them.
                ["Logging:LogLevel:Microsoft.AspNetCore.DataProtection"] = "Error",
            },
        });
    }
}
