using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Speech;

/// <summary>A client of Microsoft.Extensions.AI that writes what is said with a model. Requests may come from several threads.</summary>
internal sealed class SpeechToTextClient(SpeechToText model, bool ownsModel) : ISpeechToTextClient
{
    private readonly SpeechToTextClientMetadata _metadata = new("onnxstream", providerUri: null, model.Name);

    /// <inheritdoc/>
    public Task<SpeechToTextResponse> GetTextAsync(Stream audioSpeechStream, SpeechToTextOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingTextAsync(audioSpeechStream, options, cancellationToken).ToSpeechToTextResponseAsync(cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<SpeechToTextResponseUpdate> GetStreamingTextAsync(
        Stream audioSpeechStream, SpeechToTextOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(audioSpeechStream);
        TranscriptionOptions transcription = Read(options);

        // WAV files are sought in.
        using MemoryStream bytes = new();
        await audioSpeechStream.CopyToAsync(bytes, cancellationToken);
        bytes.Position = 0;
        Sound sound = Sound.Load(bytes, "the sound");
        string id = Guid.NewGuid().ToString("N");
        Transcription written = model.Transcribe(sound, transcription, progress: null, cancellationToken);
        using IEnumerator<TranscriptSegment> segments = written.GetEnumerator();
        yield return Update(SpeechToTextResponseUpdateKind.SessionOpen, null, TimeSpan.Zero, written.Duration);

        // Computing is work for a thread; the caller's should not wait for it.
        while (await Task.Run(segments.MoveNext, cancellationToken))
        {
            TranscriptSegment segment = segments.Current;
            yield return Update(SpeechToTextResponseUpdateKind.TextUpdated, segment, segment.Start, segment.End);
        }

        yield return Update(SpeechToTextResponseUpdateKind.SessionClose, null, TimeSpan.Zero, written.Duration);

        SpeechToTextResponseUpdate Update(SpeechToTextResponseUpdateKind kind, TranscriptSegment? segment, TimeSpan start, TimeSpan end) => new(segment is null ? [] : [new TextContent(segment.Text)])
        {
            Kind = kind,
            ResponseId = id,
            ModelId = model.Name,
            StartTime = start,
            EndTime = end,
            RawRepresentation = segment,
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null :
            serviceType == typeof(SpeechToTextClientMetadata) ? _metadata :
            serviceType == typeof(SpeechToText) ? model :
            serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (ownsModel)
        {
            model.Dispose();
        }
    }

    private TranscriptionOptions Read(SpeechToTextOptions? options)
    {
        TranscriptionOptions transcription = options?.RawRepresentationFactory?.Invoke(this) as TranscriptionOptions ?? new TranscriptionOptions();
        string? spoken = Language(options?.SpeechLanguage) ?? transcription.Language;
        string? written = Language(options?.TextLanguage);
        return written is null || written == spoken ? transcription with { Language = spoken } :
            written == "en" ? transcription with { Language = spoken, Translates = model.Languages.Count > 1 } :
            throw new NotSupportedException($"The text should be in '{written}'; the model writes what is said, or translates it to English.");
    }

    // Of a name such as en-US, the language.
    private static string? Language(string? name) => string.IsNullOrEmpty(name) ? null : name.Split('-')[0].ToLowerInvariant();
}
