using System.ComponentModel.DataAnnotations;
using Ingest.Decode;
using Ingest.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Ingest.Hosting;

/// <summary>
/// Binds a section of an application's settings and says what is wrong with it by the name of the app setting (<c>Section__Name</c>). A name that no
/// setting has is wrong too: it is most often a misspelt one.
/// </summary>
internal sealed class AppSettings<T>(IConfiguration configuration, string section) : IConfigureOptions<T>, IValidateOptions<T>
    where T : class
{
    private string? _unbound;

    public void Configure(T options)
    {
        try
        {
            configuration.GetSection(section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException exception)
        {
            _unbound = $"{section}__…: {exception.Message}";
        }
    }

    public ValidateOptionsResult Validate(string? name, T options)
    {
        List<ValidationResult> found = [];
        Validator.TryValidateObject(options, new ValidationContext(options), found, validateAllProperties: true);
        List<string> problems = [.. found.Select(Describe)];
        if (options is TelemetrySettings telemetry)
        {
            problems.AddRange(TelemetryMapping.Validate(telemetry));
        }

        if (_unbound is not null)
        {
            problems.Add(_unbound);
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private string Describe(ValidationResult result)
    {
        var names = string.Join(", ", result.MemberNames.Select(member => $"{section}__{member}"));
        return $"{names}: {result.ErrorMessage}";
    }
}
