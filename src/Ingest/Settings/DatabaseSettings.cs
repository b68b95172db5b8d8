using System.ComponentModel.DataAnnotations;
using Npgsql;

namespace Ingest.Settings;

/// <summary>The database that takes the readings: section <c>Database</c>.</summary>
public sealed class DatabaseSettings : IValidatableObject
{
    public const string Section = "Database";

    /// <summary>An Npgsql connection string: <c>Host=…;Database=…;Username=…</c>, with a password unless one is provided from outside.</summary>
    [Required(AllowEmptyStrings = false, ErrorMessage = "It is missing: Host=…;Database=…;Username=…, with a password unless a Microsoft Entra token takes its place.")]
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Whether a Microsoft Entra token takes the password's place (managed identity, workload identity, Azure CLI login, …). Default: false.
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

        if (Read() is not { Host: not null } connection)
        {
            // The text itself is not repeated: it can hold a password.
            yield return new ValidationResult(
                "It cannot be read as an Npgsql connection string. It must look like Host=…;Database=…;Username=…;Password=…; a value with a semicolon or a quote stands in double quotes.",
                [nameof(ConnectionString)]);
        }
        else if (EntraAuthentication && (connection.Password ?? connection.Passfile) is not null)
        {
            yield return new ValidationResult(
                "It has a password, whose place a Microsoft Entra token takes. Take it out, or set Database:EntraAuthentication to false.", [nameof(ConnectionString)]);
        }
    }

    private NpgsqlConnectionStringBuilder? Read()
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(ConnectionString);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or InvalidCastException)
        {
            return null;
        }
    }
}
