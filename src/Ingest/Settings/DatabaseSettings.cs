using System.ComponentModel.DataAnnotations;
using Npgsql;

namespace Ingest.Settings;

/// <summary>The database that takes the readings: section <c>Database</c>.</summary>
public sealed class DatabaseSettings : IValidatableObject
{
    public const string Section = "Database";

    /// <summary>
    /// Npgsql's (<c>Host=…;Database=…;Username=…</c>), a URI (<c>postgres://user@host/database</c>) or libpq's (<c>host=… dbname=…</c>),
    /// with a password unless one is provided from outside.
    /// </summary>
    [Required(
        AllowEmptyStrings = false,
        ErrorMessage = "It is missing: Host=…;Database=…;Username=…, with a password unless a Microsoft Entra token takes its place.")]
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Whether a Microsoft Entra token takes the password's place (managed identity, workload identity, Azure CLI login, …). Default:
    /// false.
    /// </summary>
    public bool EntraAuthentication { get; set; }

    /// <summary>Longest wait for one statement, in seconds; past it the flush is halved and tried again. Default: 30.</summary>
    [Range(1, 3_600)]
    public int CommandTimeoutSeconds { get; set; } = 30;

    /// <summary>Longest wait for a connection, in seconds. Default: 15.</summary>
    [Range(1, 300)]
    public int ConnectTimeoutSeconds { get; set; } = 15;

    /// <summary>
    /// Whether the server takes <c>COPY … FROM STDIN</c>. Default: true. Must be false for the embedded development server, which never
    /// answers it; everything is then written by upserts.
    /// </summary>
    public bool Copy { get; set; } = true;

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (ConnectionString.Length == 0)
        {
            yield break;
        }

        var (connection, problem) = Read();
        if (problem is not null)
        {
            yield return new ValidationResult(problem, [nameof(ConnectionString)]);
        }
        else if (EntraAuthentication && (connection!.Password ?? connection.Passfile) is not null)
        {
            yield return new ValidationResult(
                "It has a password, whose place a Microsoft Entra token takes. Take it out, or set Database:EntraAuthentication to false.",
                [nameof(ConnectionString)]);
        }

        if (connection is { SslMode: not SslMode.Disable })
        {
            foreach (var (name, file) in CertificateFiles(connection))
            {
                if (WhyUnreadable(file) is { } why)
                {
                    yield return new ValidationResult(
                        $"The TLS connection to {connection.Host} needs the file of {name}, and it cannot be read: {why}",
                        [nameof(ConnectionString)]);
                }
            }
        }
    }

    private static IEnumerable<(string Name, string? File)> CertificateFiles(NpgsqlConnectionStringBuilder connection) =>
    [
        ("Root Certificate", connection.RootCertificate),
        ("SSL Certificate", connection.SslCertificate),
        ("SSL Key", connection.SslKey),
    ];

    private static string? WhyUnreadable(string? file)
    {
        if (string.IsNullOrEmpty(file))
        {
            return null;
        }

        try
        {
            using var readable = File.OpenRead(file);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return exception.Message;
        }
    }

    private (NpgsqlConnectionStringBuilder? Connection, string? Problem) Read()
    {
        try
        {
            return (PostgresConnectionString.Read(ConnectionString), null);
        }
        catch (FormatException exception)
        {
            return (null, exception.Message);
        }
    }
}
