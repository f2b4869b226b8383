using System.Globalization;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Diffusion.Prompts;

/// <summary>LoRAs that a prompt names, as web interfaces have them: <c>&lt;lora:NAME:WEIGHT&gt;</c>, or <c>&lt;lora:NAME&gt;</c> for a weight of 1.</summary>
internal static partial class LoraTags
{
    /// <summary>Options whose prompts name no LoRAs: those that they named are among the adapters.</summary>
    /// <param name="options">The options.</param>
    /// <exception cref="ArgumentException">A tag has no number for a weight, or there is no folder to look into.</exception>
    /// <exception cref="FileNotFoundException">There is no file of that name in the folder.</exception>
    /// <exception cref="ModelFormatException">The file is no LoRA.</exception>
    public static GenerationOptions Resolve(GenerationOptions options)
    {
        if (options.IsPlainPrompt || !Tag().IsMatch(options.Prompt))
        {
            return options;
        }

        List<LoraAdapter> adapters = [.. options.Adapters];
        foreach (Match tag in Tag().Matches(options.Prompt))
        {
            string name = tag.Groups["name"].Value;
            float weight = 1;
            if (tag.Groups["weight"] is { Success: true } text && (!float.TryParse(text.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture, out weight) || !float.IsFinite(weight)))
            {
                throw new ArgumentException($"'{tag.Value}': '{text.Value}' is no weight; expected a number, as in <lora:{name}:0.8>.", nameof(options));
            }

            adapters.Add(new LoraAdapter(Open(name, tag.Value, options), weight));
        }

        return options with { Prompt = Tag().Replace(options.Prompt, "").Trim(), Adapters = adapters };
    }

    /// <summary>A prompt with the LoRAs that it does not name itself.</summary>
    public static string Describe(GenerationOptions options) =>
        options.Prompt + string.Concat(options.Adapters.Select(adapter => string.Create(CultureInfo.InvariantCulture, $" <lora:{adapter.File.Name}:{adapter.Weight}>")));

    private static LoraFile Open(string name, string tag, GenerationOptions options)
    {
        if (options.LoraFolder is not { } folder)
        {
            throw new ArgumentException($"The prompt has '{tag}', and no folder is given that LoRAs are in.", nameof(options));
        }

        // A prompt may be somebody else's: it names files of the folder, and no others.
        return name.AsSpan().ContainsAny("/\\:\0") || name is "." or ".."
            ? throw new ArgumentException($"'{tag}': '{name}' is no name of a file in {folder}.", nameof(options))
            : LoraFile.Open(Path.Combine(folder, name + ".safetensors"));
    }

    [GeneratedRegex("<lora:(?<name>[^:<>]+)(:(?<weight>[^<>]*))?>", RegexOptions.CultureInvariant)]
    private static partial Regex Tag();
}
