using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion;

/// <summary>How a picture was made: all that is needed to make it again.</summary>
public sealed partial record GenerationParameters
{
    private const string NegativePrefix = "Negative prompt:";

    /// <summary>What it should show.</summary>
    public required string Prompt { get; init; }

    /// <summary>What it should not show.</summary>
    public required string NegativePrompt { get; init; }

    /// <summary>The number of sampling steps.</summary>
    public required int Steps { get; init; }

    /// <summary>The scheduler's name.</summary>
    public required string Sampler { get; init; }

    /// <summary>The name of the way in which noise levels were spread; empty where a file does not say it.</summary>
    public required string Schedule { get; init; }

    /// <summary>How strongly the prompt was followed.</summary>
    public required float GuidanceScale { get; init; }

    /// <summary>The seed of its noise.</summary>
    public required long Seed { get; init; }

    /// <summary>The width in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>Where the noise came from.</summary>
    public RandomSourceType RandomSource { get; init; }

    /// <summary>How far a given picture was changed, or the first drawing by the second (<see cref="HiresScale"/>), from 0 to 1; null where there was neither.</summary>
    public float? Strength { get; init; }

    /// <summary>Every how many steps the whole UNET computed (<see cref="GenerationOptions.CacheInterval"/>).</summary>
    public int CacheInterval { get; init; } = 1;

    /// <summary>How many times larger the picture was drawn a second time (<see cref="HiresFix"/>); null where it was not. <see cref="Width"/> and <see cref="Height"/> are those of the first drawing.</summary>
    public float? HiresScale { get; init; }

    /// <summary>The steps of the second drawing; null for as many as the first.</summary>
    public int? HiresSteps { get; init; }

    /// <summary>How the picture was made larger in between: <see cref="HiresFix.LatentName"/>, or the name of a network.</summary>
    public string? HiresUpscaler { get; init; }

    /// <summary>How much of the contrast that guidance adds was taken back; 0 for nothing.</summary>
    public float GuidanceRescale { get; init; }

    /// <summary>Which of the text encoder's last layers was used: 1 for the last.</summary>
    public int ClipSkip { get; init; } = 1;

    /// <summary>How much of the noise that could be new was new; null for what is usual with the sampler.</summary>
    public double? Eta { get; init; }

    /// <summary>The text that programs of this field write into picture files: the prompt, the negative prompt, a line of the rest.</summary>
    public override string ToString()
    {
        StringBuilder text = new(Prompt);
        _ = text.Append('\n');
        if (NegativePrompt.Length > 0)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{NegativePrefix} {NegativePrompt}\n");
        }

        _ = text.Append(CultureInfo.InvariantCulture, $"Steps: {Steps}, Sampler: {Sampler}");
        Append("Schedule type", Schedule.Length > 0 ? Schedule : null);
        _ = text.Append(CultureInfo.InvariantCulture, $", CFG scale: {GuidanceScale}, Seed: {Seed}, Size: {Width}x{Height}, Model: {Quote(Model)}");
        Append("Denoising strength", Strength?.ToString(CultureInfo.InvariantCulture));
        Append("Hires upscale", HiresScale?.ToString(CultureInfo.InvariantCulture));
        Append("Hires steps", HiresSteps?.ToString(CultureInfo.InvariantCulture));
        Append("Hires upscaler", HiresUpscaler);
        Append("DeepCache", CacheInterval > 1 ? CacheInterval.ToString(CultureInfo.InvariantCulture) : null);
        Append("Clip skip", ClipSkip > 1 ? ClipSkip.ToString(CultureInfo.InvariantCulture) : null);
        Append("CFG Rescale", GuidanceRescale > 0 ? GuidanceRescale.ToString(CultureInfo.InvariantCulture) : null);
        Append("Eta", Eta?.ToString(CultureInfo.InvariantCulture));
        Append("RNG", RandomSource == RandomSourceType.Torch ? "CPU" : null);
        return text.Append(", Version: OnnxStream.Interop").ToString();

        void Append(string name, string? value)
        {
            if (value is not null)
            {
                _ = text.Append(CultureInfo.InvariantCulture, $", {name}: {Quote(value)}");
            }
        }
    }

    /// <summary>Reads the text that this program, AUTOMATIC1111's web interface and others write into picture files.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">The text has no line of settings, or one of them is not what it should be.</exception>
    public static GenerationParameters Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] lines = text.ReplaceLineEndings("\n").TrimEnd().Split('\n');
        int settingsLine = Array.FindLastIndex(lines, line => line.StartsWith("Steps: ", StringComparison.Ordinal));
        if (settingsLine < 0)
        {
            throw new FormatException("The text has no line of settings, which begins with \"Steps: \".");
        }

        Dictionary<string, string> settings = new(StringComparer.OrdinalIgnoreCase);
        foreach (Match match in Setting().Matches(string.Join(' ', lines[settingsLine..])))
        {
            string value = match.Groups["value"].Value.Trim();
            settings[match.Groups["name"].Value] = value.Length > 1 && value[0] == '"' && value[^1] == '"'
                ? Escaped().Replace(value[1..^1], "$1")
                : value;
        }

        int negativeLine = Array.FindIndex(lines, 0, settingsLine, line => line.StartsWith(NegativePrefix, StringComparison.Ordinal));
        int promptEnd = negativeLine < 0 ? settingsLine : negativeLine;
        string negative = negativeLine < 0 ? "" : string.Join('\n', lines[negativeLine..settingsLine])[NegativePrefix.Length..].Trim();
        string[] size = Required("Size").Split('x');
        return new GenerationParameters
        {
            Prompt = string.Join('\n', lines[..promptEnd]),
            NegativePrompt = negative,
            Steps = Number<int>("Steps", Required("Steps")),
            Sampler = Required("Sampler"),
            Schedule = Optional("Schedule type") is { } schedule && schedule != "Automatic" ? schedule : "",
            GuidanceScale = Number<float>("CFG scale", Optional("CFG scale") ?? "7"),
            Seed = Number<long>("Seed", Required("Seed")),
            Width = Number<int>("Size", size[0]),
            Height = Number<int>("Size", size.Length == 2 ? size[1] : ""),
            Model = Optional("Model") ?? "",
            Strength = Optional("Denoising strength") is { } strength ? Number<float>("Denoising strength", strength) : null,
            CacheInterval = Number<int>("DeepCache", Optional("DeepCache") ?? "1"),
            HiresScale = HiresScaleOf(),
            HiresSteps = Optional("Hires steps") is { } hiresSteps ? Number<int>("Hires steps", hiresSteps) : null,
            HiresUpscaler = Optional("Hires upscaler"),
            ClipSkip = Number<int>("Clip skip", Optional("Clip skip") ?? "1"),
            GuidanceRescale = Number<float>("CFG Rescale", Optional("CFG Rescale") ?? "0"),
            Eta = Optional("Eta") is { } eta ? Number<double>("Eta", eta) : null,
            RandomSource = Optional("RNG") == "CPU" ? RandomSourceType.Torch : RandomSourceType.Philox,
        };

        // How many times larger, or the size to reach.
        float? HiresScaleOf()
        {
            if (Optional("Hires upscale") is { } scale)
            {
                return Number<float>("Hires upscale", scale);
            }

            if (Optional("Hires resize") is not { } resize)
            {
                return null;
            }

            string[] sides = resize.Split('x');
            float width = Number<float>("Hires resize", sides[0]) / Number<int>("Size", size[0]), height = Number<float>("Hires resize", sides.Length == 2 ? sides[1] : "") / Number<int>("Size", size.Length == 2 ? size[1] : "");
            return width == height ? width : throw new FormatException($"The setting \"Hires resize\" changes the proportions of the picture, which is not supported: {resize} of {Required("Size")}.");
        }

        string? Optional(string name) => settings.GetValueOrDefault(name);

        string Required(string name) => Optional(name) ?? throw new FormatException($"The settings have no \"{name}\": {lines[settingsLine]}");
    }

    private static T Number<T>(string name, string text)
        where T : ISpanParsable<T> =>
        T.TryParse(text, CultureInfo.InvariantCulture, out T? number) ? number : throw new FormatException($"The setting \"{name}\" should be a number, found \"{text}\".");

    // A value with a comma, a colon or a quote would end early.
    private static string Quote(string value) =>
        value.AsSpan().IndexOfAny(",:\n\"") < 0 ? value : $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", " ", StringComparison.Ordinal)}\"";

    [GeneratedRegex("""\s*(?<name>\w[\w \-/]+):\s*(?<value>"(?:\\.|[^\\"])*"|[^,]*)(?:,|$)""", RegexOptions.CultureInvariant)]
    private static partial Regex Setting();

    [GeneratedRegex("""\\(.)""", RegexOptions.CultureInvariant)]
    private static partial Regex Escaped();
}
