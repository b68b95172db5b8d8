using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace Ingest.Settings;

/// <summary>Compares the names and values of a section with a settings class, before they are bound.</summary>
/// <param name="shown">What an operator calls a setting.</param>
internal sealed class SettingsNames(Func<string, string> shown)
{
    private const int LongestValue = 40;

    private readonly List<string> _problems = [];
    private readonly HashSet<string> _wrong = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>What is wrong, each a sentence that names the setting.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>The values that can be bound, by their paths in the section.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Usable(IConfigurationSection section) =>
        section.AsEnumerable(makePathsRelative: true).Where(
            pair => !_wrong.Any(
                wrong => pair.Key.Equals(wrong, StringComparison.OrdinalIgnoreCase)
                    || pair.Key.StartsWith(wrong + ":", StringComparison.OrdinalIgnoreCase)));

    public void Compare(IConfigurationSection section, Type settings) => CompareObject(section, settings, section.Path);

    /// <summary>
    /// Looks beside a section for one whose name is nearly its own, with settings nearly its own: a misspelt one. What is neither belongs
    /// to somebody else.
    /// </summary>
    public void CompareNeighbours(IConfiguration configuration, string section, Type settings)
    {
        string[] names = [.. PropertiesOf(settings).Select(property => property.Name)];
        foreach (var neighbour in configuration.GetChildren())
        {
            if (neighbour.Key.Equals(section, StringComparison.OrdinalIgnoreCase)
                || char.ToUpperInvariant(neighbour.Key[0]) != section[0]
                || NearestName.Find(neighbour.Key, [section]) is null)
            {
                continue;
            }

            foreach (var setting in neighbour.GetChildren())
            {
                if (NearestName.Find(setting.Key, names) is { } name)
                {
                    _problems.Add($"{shown(setting.Path)} is no setting. Did you mean {shown($"{section}:{name}")}?");
                }
            }
        }
    }

    internal static IEnumerable<PropertyInfo> PropertiesOf(Type settings) =>
        settings.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(
            property => property.SetMethod is { IsPublic: true } || IsList(property.PropertyType));

    private static bool IsList(Type type) => type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type);

    private static bool IsScalar(Type type) =>
        type == typeof(object) || TypeDescriptor.GetConverter(Nullable.GetUnderlyingType(type) ?? type).CanConvertFrom(typeof(string));

    private void CompareObject(IConfigurationSection section, Type settings, string root)
    {
        var properties = PropertiesOf(settings).ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (properties.TryGetValue(child.Key, out var property))
            {
                CompareValue(child, property.PropertyType, root);
            }
            else
            {
                Refuse(
                    child,
                    root,
                    $"is no setting. {NearestName.Advice(child.Key, [.. properties.Keys], name => shown($"{section.Path}:{name}"))}");
            }
        }
    }

    private void CompareValue(IConfigurationSection section, Type type, string root)
    {
        if (IsList(type))
        {
            CompareList(section, type.GetGenericArguments()[0], root);
        }
        else if (!IsScalar(type))
        {
            CompareObject(section, type, root);
        }
        else if (section.GetChildren().FirstOrDefault() is { } below)
        {
            Refuse(section, root, $"takes a value, and nothing below it such as {shown(below.Path)}.");
        }
        else if (section.Value is { } value && Allowed(Nullable.GetUnderlyingType(type) ?? type, value, type) is { } allowed)
        {
            Refuse(section, root, $"is {Shorten(value)}, and takes {allowed}");
        }
    }

    private void CompareList(IConfigurationSection section, Type element, string root)
    {
        if (!string.IsNullOrEmpty(section.Value))
        {
            Refuse(section, root, $"takes several values, each numbered: {shown(section.Path + ":0")}, {shown(section.Path + ":1")}, …");
        }

        foreach (var child in section.GetChildren())
        {
            if (!int.TryParse(child.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                Refuse(child, root, $"is no setting: what is below {shown(section.Path)} is numbered. Did you mean "
                    + $"{shown($"{section.Path}:0:{child.Key}")}?");
                continue;
            }

            CompareValue(child, element, root);
        }
    }

    private void Refuse(IConfigurationSection section, string root, string what)
    {
        _problems.Add($"{shown(section.Path)} {what}");
        _wrong.Add(section.Path[(root.Length + 1)..]);
    }

    /// <returns>What a setting takes that does not take this value; null where it does.</returns>
    private static string? Allowed(Type type, string value, Type declared)
    {
        if (type == typeof(string) || (value.Length == 0 && declared != type) || Converts(type, value))
        {
            return null;
        }

        if (type.IsEnum)
        {
            var meant = type.GetFields(BindingFlags.Public | BindingFlags.Static)
                .FirstOrDefault(field => field.GetCustomAttribute<AlsoCalledAttribute>()?.Names.Contains(
                    value.Trim(), StringComparer.OrdinalIgnoreCase) == true)?.Name ?? NearestName.Find(value, Enum.GetNames(type));
            return $"{string.Join(", ", Enum.GetNames(type))}.{(meant is null ? "" : $" Did you mean {meant}?")}";
        }

        return type == typeof(bool) ? "true or false."
            : type == typeof(TimeSpan) ? "a span of time: days.hours:minutes:seconds, such as 30.00:00:00."
            : type == typeof(DateTimeOffset) ? "a time, such as 2015-01-01T00:00:00Z."
            : type == typeof(Uri) ? "an address."
            : "a whole number.";
    }

    private static bool Converts(Type type, string value)
    {
        try
        {
            // A number passes for any of an enumeration's members, those that do not exist included.
            return TypeDescriptor.GetConverter(type).ConvertFromInvariantString(value) is { } converted
                && (!type.IsEnum || Enum.IsDefined(type, converted));
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or OverflowException)
        {
            return false;
        }
    }

    private static string Shorten(string value) =>
        value.Length == 0 ? "empty" : value.Length > LongestValue ? "a text of " + value.Length + " characters" : $"'{value}'";
}
