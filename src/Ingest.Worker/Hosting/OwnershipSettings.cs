using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace Ingest.Worker.Hosting;

/// <summary>Where workers that share their partitions through blobs do so: section <c>Ownership</c>.</summary>
public sealed class OwnershipSettings : IValidatableObject
{
    public const string Section = "Ownership";

    /// <summary>
    /// The blob container's address, <c>https://account.blob.core.windows.net/container</c>; read and written under the process's identity.
    /// </summary>
    [Required(
        ErrorMessage =
            "Ownership:Container is missing: the address of a blob container, https://<account>.blob.core.windows.net/<container>.")]
    public Uri Container { get; set; } = null!;

    /// <exception cref="StartUpException">It is missing, or no address of a container.</exception>
    public static OwnershipSettings Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        var settings = reader.Read<OwnershipSettings>(Section);
        reader.ThrowIfAny();
        return settings;
    }

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Container is not null
            && !(Container.IsAbsoluteUri && Container.Scheme is "https" or "http" && Container.AbsolutePath.Length > 1))
        {
            yield return new ValidationResult(
                "It is no address of a blob container. It must look like https://<account>.blob.core.windows.net/<container>.",
                [nameof(Container)]);
        }
    }
}
