using System.Text;
using System.Text.RegularExpressions;

namespace Ingest.Settings;

/// <summary>
/// Takes the two forms of a connection string apart that libpq reads, and with it psql and most of what is not .NET: a URI, and
/// <c>keyword=value</c> with white space between. No value is ever part of a message: one of them is a password.
/// </summary>
internal static partial class LibpqParameters
{
    private const string WhatAUriLooksLike =
        "It must look like postgres://user:password@host:5432/database?sslmode=require, with special characters in user, password and "
            + "database as %XX (@ is %40, : is %3A, / is %2F, % is %25).";

    public static bool IsUri(string text) =>
        text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase)
        || text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="FormatException">It is none; the message says what it must look like.</exception>
    public static List<KeyValuePair<string, string>> OfUri(string uri)
    {
        var parts = Uri().Match(uri);
        if (!parts.Success || BadEscape().IsMatch(uri))
        {
            throw new FormatException($"It cannot be read as a PostgreSQL URI. {WhatAUriLooksLike}");
        }

        List<KeyValuePair<string, string>> parameters = [];
        List<string> hosts = [], ports = [];
        foreach (var server in parts.Groups["servers"].Value.Split(','))
        {
            var address = Server().Match(server);
            if (!address.Success)
            {
                throw new FormatException($"Its host or port cannot be read. {WhatAUriLooksLike}");
            }

            hosts.Add(address.Groups["ipv6"].Success ? address.Groups["ipv6"].Value : address.Groups["name"].Value);
            ports.Add(address.Groups["port"].Value);
        }

        Add("host", string.Join(',', hosts));
        Add("port", ports.TrueForAll(port => port.Length == 0) ? "" : string.Join(',', ports));
        Add("user", parts.Groups["user"].Value);
        Add("password", parts.Groups["password"].Value);
        Add("dbname", parts.Groups["database"].Value);
        foreach (var pair in parts.Groups["query"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new FormatException($"A parameter after its '?' has no value. {WhatAUriLooksLike}");
            }

            Add(pair[..equals], pair[(equals + 1)..]);
        }

        return parameters;

        void Add(string keyword, string escaped)
        {
            if (escaped.Length > 0)
            {
                parameters.Add(new(System.Uri.UnescapeDataString(keyword), System.Uri.UnescapeDataString(escaped)));
            }
        }
    }

    /// <summary>Keywords and values; null where the text is not of this form.</summary>
    public static List<KeyValuePair<string, string>>? OfPairs(string text)
    {
        List<KeyValuePair<string, string>> parameters = [];
        var at = 0;
        while (true)
        {
            at = SkipSpace(text, at);
            if (at == text.Length)
            {
                return parameters;
            }

            var keyword = Keyword().Match(text, at);
            if (!keyword.Success)
            {
                return null;
            }

            at = SkipSpace(text, at + keyword.Length);
            if (at == text.Length || text[at] != '=')
            {
                return null;
            }

            at = SkipSpace(text, at + 1);
            if (ReadValue(text, ref at) is not { } value)
            {
                return null;
            }

            parameters.Add(new(keyword.Value, value));
        }
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at;
    }

    // A value with white space in it stands in single quotes; a backslash takes the next character as it is.
    private static string? ReadValue(string text, ref int at)
    {
        var value = new StringBuilder();
        var isQuoted = at < text.Length && text[at] == '\'';
        at += isQuoted ? 1 : 0;
        while (at < text.Length && (isQuoted ? text[at] != '\'' : !char.IsWhiteSpace(text[at])))
        {
            at += text[at] == '\\' && at + 1 < text.Length ? 1 : 0;
            value.Append(text[at++]);
        }

        if (isQuoted)
        {
            var isClosed = at < text.Length && ++at <= text.Length && (at == text.Length || char.IsWhiteSpace(text[at]));
            return isClosed ? value.ToString() : null;
        }

        return value.ToString();
    }

    [GeneratedRegex(
        @"^postgres(?:ql)?://(?:(?<user>[^:@/?]*)(?::(?<password>[^/?]*))?@)?(?<servers>[^@/?]*)(?:/(?<database>[^?/]*))?"
            + @"(?:\?(?<query>.*))?$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Uri();

    [GeneratedRegex(@"^(?:\[(?<ipv6>[0-9A-Fa-f:.]+)\]|(?<name>[^:\[\]\s]*))(?::(?<port>\d{0,5}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Server();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})", RegexOptions.CultureInvariant)]
    private static partial Regex BadEscape();

    [GeneratedRegex(@"\G[A-Za-z_]+", RegexOptions.CultureInvariant)]
    private static partial Regex Keyword();
}
