using System.Text.Json;
using OnnxStream.Interop.Speech;
using StbImageSharp;

namespace OnnxStream.Interop.Server.Jobs;

/// <summary>How much one job may ask for. What is beyond is refused before anything is planned.</summary>
public sealed record JobLimits
{
    /// <summary>The most characters of a prompt, a conversation, or all texts together.</summary>
    public int MostTextLength { get; init; } = 1_000_000;

    /// <summary>The most characters of a prompt for pictures.</summary>
    public int MostImagePromptLength { get; init; } = 10_000;

    /// <summary>The most characters of what is said of a sound.</summary>
    public int MostSoundPromptLength { get; init; } = 10_000;

    /// <summary>The longest sound, in seconds.</summary>
    public int MostSoundSeconds { get; init; } = 3600;

    /// <summary>The most messages of a conversation, functions, or texts.</summary>
    public int MostItems { get; init; } = 2048;

    /// <summary>The most pictures.</summary>
    public int MostPictures { get; init; } = 10;

    /// <summary>The most pixels of a picture, made or given.</summary>
    public long MostPixels { get; init; } = 4L << 20;

    /// <summary>The most sampling steps.</summary>
    public int MostSteps { get; init; } = 150;

    /// <summary>The most tokens of an answer.</summary>
    public int MostTokens { get; init; } = 1 << 20;

    /// <summary>Refuses a job that asks for more.</summary>
    /// <param name="request">The job.</param>
    /// <exception cref="JobRefusedException">It does, or lacks the parameters of its kind.</exception>
    public void Check(JobRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        (string name, object? wanted, object?[] others) = request.Kind switch
        {
            JobKind.Image => ("image", (object?)request.Image, (object?[])[request.Text, request.Embedding, request.Transcription]),
            JobKind.Chat or JobKind.Completion => ("text", request.Text, [request.Image, request.Embedding, request.Transcription]),
            JobKind.Embedding => ("embedding", request.Embedding, [request.Image, request.Text, request.Transcription]),
            JobKind.Transcription => ("transcription", request.Transcription, [request.Image, request.Text, request.Embedding]),
            _ => throw Wrong("kind", "There is no such kind of job."),
        };
        if (wanted is null)
        {
            throw Wrong(name, $"A job of this kind needs its parameters in \"{name}\".");
        }

        if (others.Any(other => other is not null))
        {
            throw Wrong("kind", $"A job of this kind has its parameters in \"{name}\", and none besides.");
        }

        Most("model", "The model's name", request.Model?.Length, 256, "characters");
        if (request.Image is { } image)
        {
            Check(image);
        }

        if (request.Text is { } text)
        {
            Check(text);
        }

        if (request.Embedding is { } embedding)
        {
            Require("texts", embedding.Texts);
            Most("texts", "The list of texts", embedding.Texts.Count, MostItems, "texts");
            Items("texts", embedding.Texts);
            Most("texts", "All texts together", embedding.Texts.Sum(item => (long)item.Length), MostTextLength, "characters");
        }

        if (request.Transcription is { } transcription)
        {
            Require("sound", transcription.Sound);
            CheckSound("sound", transcription.Sound);
            Most("language", "The language", transcription.Language?.Length, 100, "characters");
            Most("prompt", "The prompt", transcription.Prompt?.Length, MostSoundPromptLength, "characters");
            Between("temperature", "The temperature", transcription.Temperature, 0, 1);
        }
    }

    private static JobRefusedException Wrong(string param, string message) => new(new JobError("invalid_request", message) { Param = param }, RefusalReason.Request);

    private static void Most(string param, string what, long? value, long most, string unit)
    {
        if (value > most)
        {
            throw Wrong(param, $"{what} has {value:N0} {unit}; at most {most:N0} are allowed.");
        }
    }

    private static void Between<T>(string param, string what, T? value, T least, T most)
        where T : struct, IComparable<T>
    {
        if (value is { } number && !(number.CompareTo(least) >= 0 && number.CompareTo(most) <= 0))
        {
            throw Wrong(param, $"{what} should be from {least} to {most}, found {number}.");
        }
    }

    // JSON may have null where the type has none.
    private static void Require(string param, object? value)
    {
        if (value is null)
        {
            throw Wrong(param, $"\"{param}\" is missing.");
        }
    }

    private static void Items(string param, IEnumerable<object?> values)
    {
        if (values.Any(value => value is null))
        {
            throw Wrong(param, $"\"{param}\" has a null among its items.");
        }
    }

    private static bool IsOf(JsonElement value, string name, JsonValueKind kind, bool isNeeded) =>
        value.TryGetProperty(name, out JsonElement property) && property.ValueKind != JsonValueKind.Null ? property.ValueKind == kind : !isNeeded;

    private static void CheckArguments(string arguments)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(arguments);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return;
            }
        }
        catch (JsonException)
        {
        }

        throw Wrong("messages", "The arguments of a call should be the text of a JSON object.");
    }

    private void Check(ImageParameters image)
    {
        Require("prompt", image.Prompt);
        Most("prompt", "The prompt", image.Prompt.Length, MostImagePromptLength, "characters");
        Most("negative_prompt", "The negative prompt", image.NegativePrompt?.Length, MostImagePromptLength, "characters");
        Most("sampler", "The sampler's name", image.Sampler?.Length, 100, "characters");
        Most("schedule", "The schedule's name", image.Schedule?.Length, 100, "characters");
        Between("count", "The number of pictures", image.Count, 1, MostPictures);
        Between("steps", "The number of steps", image.Steps, 1, MostSteps);
        Between("width", "The width", image.Width, 1, 1 << 16);
        Between("height", "The height", image.Height, 1, 1 << 16);
        Between("guidance_scale", "The guidance scale", image.GuidanceScale, -100, 100);
        Between("strength", "The strength", image.Strength, 0, 1);
        Between("mask_blur", "The blur of the mask", image.MaskBlur, 0, 64);
        Between("clip_skip", "The layer of the text encoder", image.ClipSkip, 1, 12);
        Between("preview_interval", "The number of steps between previews", image.PreviewInterval, 1, 1000);
        Most("width", "The picture", (long?)image.Width * (image.Height ?? image.Width), MostPixels, "pixels");
        Most("height", "The picture", (long?)image.Height * (image.Width ?? image.Height), MostPixels, "pixels");
        CheckPicture("image", image.Image);
        CheckPicture("mask", image.Mask);
    }

    // A file of a few bytes may say that it is a picture of gigabytes: that is read before the picture is.
    internal void CheckPicture(string param, byte[]? file)
    {
        if (file is null)
        {
            return;
        }

        using MemoryStream stream = new(file, writable: false);
        ImageInfo? info;
        try
        {
            info = ImageInfo.FromStream(stream);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // The decoder has no exception type of its own.
            throw new JobRefusedException(new JobError("invalid_request", "This is no picture that can be read (PNG, JPEG, BMP, GIF, TGA).") { Param = param }, RefusalReason.Request, exception);
        }

        if (info is not { Width: > 0, Height: > 0 } picture)
        {
            throw Wrong(param, "This is no picture that can be read (PNG, JPEG, BMP, GIF, TGA).");
        }

        Most(param, "The picture", (long)picture.Width * picture.Height, MostPixels, "pixels");
    }

    // A small file may be hours of sound: its length is read before its samples are.
    internal void CheckSound(string param, byte[] file)
    {
        try
        {
            using MemoryStream stream = new(file, writable: false);
            (long count, int rate) = Sound.ReadLength(stream, param);
            Most(param, "The sound", (count + rate - 1) / rate, MostSoundSeconds, "seconds");
        }
        catch (ModelFormatException exception)
        {
            throw new JobRefusedException(new JobError("invalid_request", "This is no sound that can be read: expected a WAV file of PCM or floating-point numbers.") { Param = param }, RefusalReason.Request, exception);
        }
    }

    private void Check(TextParameters text)
    {
        if (text.Prompt is { } prompt)
        {
            Most("prompt", "The prompt", prompt.Length, MostTextLength, "characters");
        }

        if (text.Messages is { } messages)
        {
            Most("messages", "The conversation", messages.Count, MostItems, "messages");
            Items("messages", messages);
            foreach (TextMessage message in messages)
            {
                if (message.Role is not ("system" or "developer" or "user" or "assistant" or "tool"))
                {
                    throw Wrong("messages", "The role of each message should be system, developer, user, assistant or tool.");
                }

                Items("messages", message.ToolCalls ?? []);
                foreach (ToolCall call in message.ToolCalls ?? [])
                {
                    CheckArguments(call.Arguments);
                }
            }

            Most("messages", "The conversation", messages.Sum(message => (message.Content?.Length ?? 0) + (message.ToolCalls?.Sum(call => (long)call.Arguments.Length) ?? 0)), MostTextLength, "characters");
        }

        Most("grammar", "The grammar", text.Grammar?.Length, MostTextLength, "characters");
        Most("tools", "The list of functions", text.Tools?.Count, 128, "functions");
        foreach (JsonElement tool in text.Tools ?? [])
        {
            if (tool.ValueKind != JsonValueKind.Object || !IsOf(tool, "name", JsonValueKind.String, isNeeded: true) || !IsOf(tool, "description", JsonValueKind.String, isNeeded: false) || !IsOf(tool, "parameters", JsonValueKind.Object, isNeeded: false))
            {
                throw Wrong("tools", "A function should be an object with a \"name\", and may have a \"description\" (a text) and \"parameters\" (a JSON schema, an object).");
            }
        }

        Items("stop", text.Stop ?? []);
        Most("stop", "The list of texts that end the answer", text.Stop?.Count, 16, "texts");
        if (text.Stop is { } stops && stops.Any(stop => stop.Length is 0 or > 1000))
        {
            throw Wrong("stop", "A text that ends the answer should have from 1 to 1,000 characters.");
        }

        Between("max_tokens", "The most tokens of the answer", text.MaxTokens, 1, MostTokens);
        Between("temperature", "The temperature", text.Temperature, 0, 10);
        Between("top_k", "Top-k", text.TopK, 0, int.MaxValue);
        Between("frequency_penalty", "The frequency penalty", text.FrequencyPenalty, -2, 2);
        Between("presence_penalty", "The presence penalty", text.PresencePenalty, -2, 2);
        if (text.TopP is { } topP && !(topP > 0 && topP <= 1))
        {
            throw Wrong("top_p", $"Top-p should be more than 0 and at most 1, found {topP}.");
        }
    }
}
