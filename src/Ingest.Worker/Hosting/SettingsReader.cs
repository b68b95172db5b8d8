using Ingest.Decode;
using Ingest.Settings;
using Microsoft.Extensions.Configuration;

namespace Ingest.Worker.Hosting;

/// <summary>Binds and checks sections of the configuration, and reports all that is wrong at once.</summary>
public sealed class SettingsReader(IConfiguration configuration)
{
    private readonly List<string> _problems = [];

    /// <summary>What is wrong with the sections read so far, each a sentence that names the setting.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>Reads a section whose required settings must be there.</summary>
    public T Read<T>(string section)
        where T : class, new() => Bind(section, new T(), check: true);

    /// <summary>Reads a section that may be absent altogether.</summary>
    public T ReadOptional<T>(string section)
        where T : class, new() => Bind(section, new T(), check: configuration.GetSection(section).GetChildren().Any());

    /// <summary>Resolves the mapping; null where it cannot be, and then the problems say why.</summary>
    public TelemetryMapping? Mapping(TelemetrySettings settings)
    {
        var failures = TelemetryMapping.Validate(settings);
        _problems.AddRange(failures);
        return failures.Count == 0 ? TelemetryMapping.Create(settings) : null;
    }

    public void Add(string problem) => _problems.Add(problem);

    public void ThrowIfAny()
    {
        if (_problems.Count > 0)
        {
            throw new StartUpException(ErrorLines.List("The settings cannot be used:", _problems));
        }
    }

    /// <summary>Checks settings that did not come from the configuration.</summary>
    public void Check(string section, object settings) => _problems.AddRange(new SettingsBinder(configuration, section).Check(settings));

    private T Bind<T>(string section, T settings, bool check)
        where T : class
    {
        var binder = new SettingsBinder(configuration, section);
        _problems.AddRange(binder.Bind(settings));
        if (check)
        {
            _problems.AddRange(binder.Check(settings));
        }

        return settings;
    }
}
