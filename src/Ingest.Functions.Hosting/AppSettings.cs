using Ingest.Decode;
using Ingest.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Ingest.Functions.Hosting;

/// <summary>
/// A section of the app settings, validated when the app starts; what is wrong is said by the name of the app setting
/// (<c>Section__Name</c>).
/// </summary>
internal sealed class AppSettings<T>(IConfiguration configuration, string section) : IConfigureOptions<T>, IValidateOptions<T>
    where T : class
{
    private readonly SettingsBinder _binder = new(configuration, section, separator: "__");
    private IReadOnlyList<string> _unbound = [];

    public void Configure(T options) => _unbound = _binder.Bind(options);

    public ValidateOptionsResult Validate(string? name, T options)
    {
        List<string> problems = [.. _unbound, .. _binder.Check(options)];
        if (options is TelemetrySettings telemetry)
        {
            problems.AddRange(TelemetryMapping.Validate(telemetry));
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
