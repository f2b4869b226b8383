namespace OnnxStream.Interop.Speech.Tests.Transcription;

/// <summary>The sound of <c>make_whisper.py</c>: whole numbers only, so that every program makes the same.</summary>
internal static class TestSound
{
    /// <summary>Makes it.</summary>
    /// <param name="seconds">How long it is.</param>
    public static Sound Make(int seconds)
    {
        float[] samples = new float[seconds * 16_000];
        long state = 12345;
        long before = 0;
        for (int i = 0; i < samples.Length; i++)
        {
            state = ((state * 1103515245) + 12345) & 0x7fffffff;
            long k = i / 4000 % 7;
            before = Floor(((state >> 16) & 0x7fff) - 16384 + (k * before), k + 1);
            samples[i] = Floor(before * (i / 1600 * 37 % 100), 100) / 32768f;
        }

        return new Sound(samples, 16_000);
    }

    // Python rounds down.
    private static long Floor(long number, long divisor) => (long)Math.Floor((double)number / divisor);
}
