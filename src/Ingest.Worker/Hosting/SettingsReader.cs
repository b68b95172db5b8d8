using System.ComponentModel.DataAnnotations;
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
    public void Check(string section, object settings)
    {
        List<ValidationResult> found = [];
        Validator.TryValidateObject(settings, new ValidationContext(settings), found, validateAllProperties: true);
        foreach (var result in found)
        {
            var names = string.Join(", ", result.MemberNames.Select(name => $"{section}:{name}"));
            var message = result.ErrorMessage ?? "is not valid.";
            _problems.Add(message.StartsWith(section + ":", StringComparison.Ordinal) || names.Length == 0 ? message : $"{names}: {message}");
        }
    }

    private T Bind<T>(string section, T settings, bool check)
        where T : class
    {
        try
        {
            configuration.GetSection(section).Bind(settings, options => options.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException exception)
        {
            _problems.Add($"{section}: {exception.Message}");
            return settings;
        }

        if (check)
        {
            Check(section, settings);
        }

        return settings;
    }
}
