using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace Ingest.Settings;

/// <summary>
/// Binds a section of a configuration and says what is wrong with it by the settings' names: the one place for every head. A name that no
/// setting has is wrong too, in the section and in one whose own name is misspelt.
/// </summary>
/// <param name="configuration">Where the section is.</param>
/// <param name="section">Its name.</param>
/// <param name="separator">
/// What stands between section and setting where the operator sets them: <c>:</c>, or <c>__</c> in environments.
/// </param>
public sealed class SettingsBinder(IConfiguration configuration, string section, string separator = ":")
{
    /// <summary>Binds what can be bound.</summary>
    /// <returns>What could not, each a sentence that names the setting.</returns>
    public IReadOnlyList<string> Bind(object settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var names = new SettingsNames(path => path.Replace(":", separator, StringComparison.Ordinal));
        names.CompareNeighbours(configuration, section, settings.GetType());
        var values = configuration.GetSection(section);
        names.Compare(values, settings.GetType());
        new ConfigurationBuilder().AddInMemoryCollection(names.Usable(values)).Build().Bind(settings);
        return names.Problems;
    }

    /// <summary>What is wrong with bound settings, each a sentence that names the setting.</summary>
    public IEnumerable<string> Check(object settings)
    {
        List<ValidationResult> found = [];
        Validator.TryValidateObject(settings, new ValidationContext(settings), found, validateAllProperties: true);
        foreach (var result in found)
        {
            var names = string.Join(", ", result.MemberNames.Select(name => section + separator + name));
            var message = result.ErrorMessage ?? "is not valid.";
            yield return names.Length == 0
                || message.StartsWith(section + separator, StringComparison.Ordinal) ? message : $"{names}: {message}";
        }
    }
}
