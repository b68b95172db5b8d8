using Npgsql;

namespace Ingest.Settings;

/// <summary>
/// A database's connection string in any form that people have one in: Npgsql's (<c>Host=…;Database=…</c>), a URI
/// (<c>postgres://user:password@host/database</c>), or libpq's (<c>host=… dbname=…</c>).
/// </summary>
public static class PostgresConnectionString
{
    private const string Forms =
        "It must look like Host=…;Database=…;Username=…;Password=…, like postgres://user:password@host:5432/database, or like host=… "
            + "dbname=… user=… password=….";

    // https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    private static readonly Dictionary<string, string> Keywords = new(StringComparer.OrdinalIgnoreCase)
    {
        ["host"] = "Host",
        ["hostaddr"] = "Host",
        ["port"] = "Port",
        ["dbname"] = "Database",
        ["user"] = "Username",
        ["password"] = "Password",
        ["passfile"] = "Passfile",
        ["sslmode"] = "SSL Mode",
        ["sslnegotiation"] = "SSL Negotiation",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslpassword"] = "SSL Password",
        ["sslrootcert"] = "Root Certificate",
        ["channel_binding"] = "Channel Binding",
        ["gssencmode"] = "GSS Encryption Mode",
        ["krbsrvname"] = "Kerberos Service Name",
        ["application_name"] = "Application Name",
        ["client_encoding"] = "Client Encoding",
        ["options"] = "Options",
        ["connect_timeout"] = "Timeout",
        ["target_session_attrs"] = "Target Session Attributes",
        ["keepalives_idle"] = "TCP Keepalive Time",
        ["keepalives_interval"] = "TCP Keepalive Interval",
    };

    /// <summary>Reads it.</summary>
    /// <exception cref="FormatException">It cannot be read. The message says what is wrong, and holds none of its values.</exception>
    public static NpgsqlConnectionStringBuilder Read(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim();
        var read = LibpqParameters.IsUri(text) ? OfLibpq(LibpqParameters.OfUri(text))
            : LibpqParameters.OfPairs(text) is { Count: > 0 } pairs && IsLibpq(text, pairs) ? OfLibpq(pairs)
            : OfNpgsql(text);

        // Host=a Port=1 is one host to Npgsql.
        if (string.IsNullOrWhiteSpace(read.Host) || read.Host.AsSpan().IndexOfAny(" \t=") >= 0)
        {
            throw new FormatException($"It names no host. {Forms}");
        }

        return read.Port is >= 1 and <= 65_535 ? read : throw new FormatException("Its port is none: 1 to 65535 are.");
    }

    // What Npgsql reads can look like pairs too: Host=a;Application Name=b. A semicolon within libpq's first value is Npgsql's separator,
    // and one further on where a keyword is not libpq's.
    private static bool IsLibpq(string text, List<KeyValuePair<string, string>> pairs) =>
        Keywords.ContainsKey(pairs[0].Key)
        && !pairs[0].Value.Contains(';', StringComparison.Ordinal)
        && (!text.Contains(';', StringComparison.Ordinal) || pairs.TrueForAll(pair => Keywords.ContainsKey(pair.Key)));

    private static NpgsqlConnectionStringBuilder OfNpgsql(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidCastException)
        {
            // Its own words can repeat what stands there.
            throw new FormatException(
                $"It cannot be read as a connection string. {Forms} In the first form a value with a semicolon or a quote stands in double "
                    + "quotes.");
        }
    }

    private static NpgsqlConnectionStringBuilder OfLibpq(List<KeyValuePair<string, string>> parameters)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (keyword, value) in parameters)
        {
            values[keyword] = value;
        }

        Adapt(values);
        var builder = new NpgsqlConnectionStringBuilder();
        foreach (var (keyword, value) in values)
        {
            if (!Keywords.TryGetValue(keyword, out var name))
            {
                throw new FormatException(
                    $"Its parameter {keyword} is not understood here: take it out. {NearestName.Advice(keyword, [.. Keywords.Keys])}");
            }

            try
            {
                builder[name] = value;
            }
            catch (Exception exception)
                when (exception is ArgumentException or FormatException or InvalidCastException or OverflowException)
            {
                throw new FormatException($"The value of its parameter {keyword} is none that {keyword} takes{Allowed(keyword)}.");
            }
        }

        return builder;
    }

    // What libpq and Npgsql say in different words.
    private static void Adapt(Dictionary<string, string> values)
    {
        if (values.Remove("ssl", out var ssl) && ssl is "true" or "1")
        {
            values.TryAdd("sslmode", "require");
        }

        if (values.ContainsKey("host"))
        {
            values.Remove("hostaddr");
        }

        if (values.TryGetValue("sslrootcert", out var root))
        {
            if (root == "system")
            {
                values.Remove("sslrootcert");
                values["sslmode"] = "verify-full";
            }
            else if (values.TryGetValue("sslmode", out var mode) && mode == "require")
            {
                values["sslmode"] = "verify-ca";
            }
        }

        if (values.TryGetValue("sslmode", out var asked))
        {
            values["sslmode"] = asked.Replace("-", "", StringComparison.Ordinal);
        }

        if (values.TryGetValue("host", out var hosts) && hosts.Contains(',', StringComparison.Ordinal)
            && values.Remove("port", out var ports))
        {
            values["host"] = WithPorts(hosts.Split(','), ports.Split(','));
        }
    }

    private static string WithPorts(string[] hosts, string[] ports)
    {
        if (ports.Length != 1 && ports.Length != hosts.Length)
        {
            throw new FormatException($"It names {hosts.Length} hosts and {ports.Length} ports: one port for all, or one for each.");
        }

        return string.Join(',', hosts.Select((host, index) =>
        {
            var port = ports[ports.Length == 1 ? 0 : index];
            return port.Length == 0 ? host
                : host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        }));
    }

    private static string Allowed(string keyword) => keyword.ToLowerInvariant() switch
    {
        "sslmode" => ": disable, allow, prefer, require, verify-ca or verify-full",
        "port" => ": 1 to 65535",
        _ => "",
    };
}
