"""Every sampler and schedule, step by step, in double precision: writes samplers.json beside this file.

Needs numpy and scipy. Written from the papers that are named with each function, not from the library: samples are kept in the
form of constant variance, z = alpha * picture + s * noise, where a paper has them so, and every sample is written out as z / alpha.
The "model" is a formula, which the tests compute too."""
import json
import os
import numpy as np
from scipy import integrate, stats

T = 1000
SIZE = 5


# ------------------------------------------------------------------ noise of the training
def alpha_bars(beta_schedule="scaled_linear", zero_snr=False):
    """Ho et al. 2020; Nichol and Dhariwal 2021; Lin et al. 2023, algorithm 1."""
    if beta_schedule == "scaled_linear":
        betas = np.linspace(0.00085 ** 0.5, 0.012 ** 0.5, T) ** 2
    elif beta_schedule == "linear":
        betas = np.linspace(0.00085, 0.012, T)
    else:
        f = lambda t: np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.array([min(1 - f((i + 1) / T) / f(i / T), 0.999) for i in range(T)])
    bars = np.cumprod(1 - betas)
    if zero_snr:
        roots = np.sqrt(bars)
        first, last = roots[0], roots[-1]
        roots = (roots - last) * (first / (first - last))
        bars = roots ** 2
        bars[-1] = 2.0 ** -24
    return bars


class Noise:
    def __init__(self, prediction="epsilon", beta_schedule="scaled_linear", zero_snr=False):
        self.prediction = prediction
        self.bars = alpha_bars(beta_schedule, zero_snr)
        self.sigmas = np.sqrt((1 - self.bars) / self.bars)

    def sigma(self, t):
        return np.exp(np.interp(t, np.arange(T), np.log(self.sigmas)))

    def time(self, sigma):
        return np.interp(np.log(sigma), np.log(self.sigmas), np.arange(T))


# ------------------------------------------------------------------ schedules
AYS = {"Align Your Steps": [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029],
       "Align Your Steps XL": [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029]}


def levels(noise, schedule, n, offset=1, ends_at_zero=True):
    """-> n sigmas and a final one, n time steps"""
    lo, hi = noise.sigmas[0], noise.sigmas[-1]
    times = sigmas = None
    if schedule == "Uniform":
        times = np.linspace(T - 1, 0, n)
    elif schedule == "SGM Uniform":
        times = np.linspace(T - 1, 0, n + 1)[:-1]
    elif schedule == "Simple":
        times = np.array([T - 1 - int(i * (T / n)) for i in range(n)], float)
    elif schedule == "Trailing":
        times = np.round(T - np.arange(n) * (T / n)) - 1
    elif schedule == "DDIM":
        times = np.minimum((np.arange(n) * (T // n))[::-1] + offset, T - 1).astype(float)
    elif schedule == "Consistency":
        original = (np.arange(1, 51) * (T // 50) - 1)[::-1]
        times = original[np.floor(np.linspace(0, 50, n, endpoint=False)).astype(int)].astype(float)
    elif schedule == "Karras":
        ramp = np.linspace(0, 1, n)
        sigmas = (hi ** (1 / 7) + ramp * (lo ** (1 / 7) - hi ** (1 / 7))) ** 7
    elif schedule == "Exponential":
        sigmas = np.exp(np.linspace(np.log(hi), np.log(lo), n))
    elif schedule == "Beta":
        sigmas = lo + stats.beta.ppf(1 - np.linspace(0, 1, n), 0.6, 0.6) * (hi - lo)
    else:
        table = AYS[schedule]
        sigmas = np.exp(np.interp(np.linspace(0, 1, n + 1), np.linspace(0, 1, 11), np.log(table)))[:-1]
    if sigmas is None:
        sigmas = noise.sigma(times)
    else:
        times = noise.time(sigmas)
    return np.append(sigmas, 0.0 if ends_at_zero else lo), times


# ------------------------------------------------------------------ the model
def formula(x, t):
    k = np.arange(SIZE)
    return 0.8 * np.tanh(1.3 * x + 0.1 * k) + 0.3 * np.cos(t / 150 + k)


class Run:
    """What a sampler is given: levels, the model as picture or noise, random numbers. Records everything."""

    def __init__(self, noise, sig, times, seed, eta, order):
        self.noise, self.sig, self.times, self.n = noise, sig, times, len(times)
        self.rng = np.random.default_rng(seed)
        self.draws, self.evaluations = [], []
        self.eta, self.order = eta, order
        self.alpha = 1 / np.sqrt(1 + sig ** 2)
        self.s = sig * self.alpha
        with np.errstate(divide="ignore"):
            self.lam = -np.log(sig)

    def draw(self):
        self.draws.append(self.rng.standard_normal(SIZE).astype(np.float32).astype(float))
        return self.draws[-1]

    def both(self, z, sigma, t):
        """picture and noise that the model sees in a sample of constant variance"""
        self.evaluations.append([float(sigma), float(t)])
        a = 1 / np.sqrt(1 + sigma ** 2)
        s = sigma * a
        out = formula(z, t)
        if self.noise.prediction == "epsilon":
            return (z - s * out) / a, out
        if self.noise.prediction == "v_prediction":
            return a * z - s * out, a * out + s * z
        return out, (z - a * out) / s

    def at(self, z, i):
        return self.both(z, self.sig[i], self.times[i])

    def between(self, x, sigma):
        """picture that the model sees in a sample with noise sigma"""
        return self.both(x / np.sqrt(1 + sigma ** 2), sigma, self.noise.time(sigma))[0]


# ------------------------------------------------------------------ samplers: each yields the sample x = z / alpha after every step
def ancestral(a, b, eta):
    up = min(b, eta * (b ** 2 * (a ** 2 - b ** 2) / a ** 2) ** 0.5)
    return (b ** 2 - up ** 2) ** 0.5, up


def euler(r, x):
    """Karras et al. 2022, algorithm 2 without churn; ancestral: k-diffusion"""
    for i in range(r.n):
        d = r.at(x * r.alpha[i], i)[1]
        down, up = ancestral(r.sig[i], r.sig[i + 1], r.eta)
        x = x + d * (down - r.sig[i])
        if up > 0:
            x = x + r.draw() * up
        yield x


def heun(r, x):
    """Karras et al. 2022, algorithm 1"""
    for i in range(r.n):
        d = r.at(x * r.alpha[i], i)[1]
        dt = r.sig[i + 1] - r.sig[i]
        if r.sig[i + 1] == 0:
            x = x + d * dt
        else:
            y = x + d * dt
            if i + 1 < r.n:
                d2 = r.at(y * r.alpha[i + 1], i + 1)[1]
            else:
                d2 = (y - r.between(y, r.sig[i + 1])) / r.sig[i + 1]
            x = x + (d + d2) / 2 * dt
        yield x


def dpm2(r, x):
    """Lu et al. 2022, DPM-Solver-2 over sigma; ancestral: k-diffusion"""
    for i in range(r.n):
        d = r.at(x * r.alpha[i], i)[1]
        down, up = ancestral(r.sig[i], r.sig[i + 1], r.eta)
        if down == 0:
            x = x + d * (down - r.sig[i])
        else:
            mid = np.exp((np.log(r.sig[i]) + np.log(down)) / 2)
            y = x + d * (mid - r.sig[i])
            x = x + (y - r.between(y, mid)) / mid * (down - r.sig[i])
        if up > 0:
            x = x + r.draw() * up
        yield x


def lms(r, x):
    """Adams-Bashforth with the steps as they are: Lagrange's polynomials, integrated numerically"""
    slopes = []
    for i in range(r.n):
        slopes.append(r.at(x * r.alpha[i], i)[1])
        m = min(i + 1, r.order)
        places = [r.sig[i - j] for j in range(m)]
        for j in range(m):
            basis = lambda s: np.prod([(s - places[k]) / (places[j] - places[k]) for k in range(m) if k != j])
            x = x + slopes[-1 - j] * integrate.quad(basis, r.sig[i], r.sig[i + 1], epsrel=1e-10)[0]
        yield x


def dpmpp_2s(r, x):
    """Lu et al. 2022b, algorithm 1 with r = 1/2; ancestral: k-diffusion"""
    for i in range(r.n):
        D = r.at(x * r.alpha[i], i)[0]
        down, up = ancestral(r.sig[i], r.sig[i + 1], r.eta)
        if down == 0:
            x = D
        else:
            h = np.log(r.sig[i]) - np.log(down)
            y = np.exp(-h / 2) * x - np.expm1(-h / 2) * D
            x = np.exp(-h) * x - np.expm1(-h) * r.between(y, r.sig[i] * np.exp(-h / 2))
        if up > 0:
            x = x + r.draw() * up
        yield x


def dpmpp_2m(r, x, mean=False):
    """Lu et al. 2022b, algorithm 2, in its own variables"""
    z, old = x * r.alpha[0], None
    for i in range(r.n):
        D = r.at(z, i)[0]
        if old is None or r.sig[i + 1] == 0:
            z = r.s[i + 1] / r.s[i] * z + (r.alpha[i + 1] - r.s[i + 1] * r.alpha[i] / r.s[i]) * D
        else:
            h, last = r.lam[i + 1] - r.lam[i], r.lam[i] - r.lam[i - 1]
            ratio, change = last / h, h
            if mean:
                ratio, change = max(h, last) / min(h, last), (h + last) / 2
            Di = (1 + 1 / (2 * ratio)) * D - old / (2 * ratio)
            z = r.s[i + 1] / r.s[i] * z - r.alpha[i + 1] * np.expm1(-change) * Di
        old = D
        yield z / r.alpha[i + 1]


def dpmpp_2m_sde(r, x, heun_form=False):
    """Lu et al. 2022b, appendix on SDE-DPM-Solver++; a part eta of the noise as k-diffusion has it"""
    z, old = x * r.alpha[0], None
    for i in range(r.n):
        D = r.at(z, i)[0]
        if r.sig[i + 1] == 0:
            z = D
        else:
            h = r.lam[i + 1] - r.lam[i]
            a = (1 + r.eta) * h
            new = r.s[i + 1] / r.s[i] * np.exp(-r.eta * h) * z - r.alpha[i + 1] * np.expm1(-a) * D
            if old is not None:
                line = (D - old) / ((r.lam[i] - r.lam[i - 1]) / h)
                new = new + r.alpha[i + 1] * (np.expm1(-a) / a + 1 if heun_form else -0.5 * np.expm1(-a)) * line
            z = new
            if r.eta > 0:
                z = z + r.s[i + 1] * np.sqrt(-np.expm1(-2 * r.eta * h)) * r.draw()
        old = D
        yield z / r.alpha[i + 1]


def dpmpp_3m_sde(r, x):
    """The integral of the SDE over lambda with D + d1 u + d2 u^2 / 2, as k-diffusion's coefficients have it, taken numerically"""
    pictures = []
    for i in range(r.n):
        pictures.insert(0, r.at(x * r.alpha[i], i)[0])
        if r.sig[i + 1] == 0:
            x = pictures[0]
        else:
            h = r.lam[i + 1] - r.lam[i]
            a = (1 + r.eta) * h
            d1 = d2 = np.zeros(SIZE)
            if i >= 1:
                u1 = (r.lam[i - 1] - r.lam[i]) / h
                d1 = (pictures[1] - pictures[0]) / u1
            if i >= 2:
                u2 = (r.lam[i - 2] - r.lam[i]) / h
                vandermonde = np.array([[u1, u1 ** 2], [u2, u2 ** 2]])
                d1, d2 = np.linalg.solve(vandermonde, np.array([pictures[1] - pictures[0], pictures[2] - pictures[0]]))
            w = [integrate.quad(lambda u: a * np.exp(-a * (1 - u)) * u ** k, 0, 1, epsrel=1e-12)[0] for k in range(3)]
            x = np.exp(-a) * x + w[0] * pictures[0] + w[1] * d1 + w[2] * d2 / 2
            if r.eta > 0:
                x = x + r.sig[i + 1] * np.sqrt(1 - np.exp(-2 * r.eta * h)) * r.draw()
        yield x


def dpmpp_sde(r, x):
    """k-diffusion with r = 1/2; the noise of a whole step is that of a Brownian path through its middle"""
    for i in range(r.n):
        D = r.at(x * r.alpha[i], i)[0]
        a, b = r.sig[i], r.sig[i + 1]
        if b == 0:
            x = D
        else:
            m = np.exp((np.log(a) + np.log(b)) / 2)
            down, up = ancestral(a, m, r.eta)
            w1 = np.sqrt(a - m) * r.draw()
            y = down / a * x - np.expm1(np.log(down) - np.log(a)) * D + up * w1 / np.sqrt(a - m)
            D2 = r.between(y, m)
            down, up = ancestral(a, b, r.eta)
            w2 = np.sqrt(m - b) * r.draw()
            x = down / a * x - np.expm1(np.log(down) - np.log(a)) * D2 + up * (w1 + w2) / np.sqrt(a - b)
        yield x


def ddim(r, x):
    """Song et al. 2020, equations 12 and 16"""
    z = x * r.alpha[0]
    for i in range(r.n):
        picture, e = r.at(z, i)
        a, b = r.alpha[i] ** 2, r.alpha[i + 1] ** 2
        sd = r.eta * np.sqrt((1 - b) / (1 - a)) * np.sqrt(1 - a / b)
        z = np.sqrt(b) * picture + np.sqrt(max(1 - b - sd ** 2, 0)) * e
        if sd > 0:
            z = z + sd * r.draw()
        yield z / r.alpha[i + 1]


def ddpm(r, x):
    """Ho et al. 2020, equations 6 and 7, between the time steps that are taken"""
    z = x * r.alpha[0]
    for i in range(r.n):
        picture = r.at(z, i)[0]
        a, b = r.alpha[i] ** 2, r.alpha[i + 1] ** 2
        beta = 1 - a / b
        z = np.sqrt(b) * beta / (1 - a) * picture + np.sqrt(a / b) * (1 - b) / (1 - a) * z
        variance = (1 - b) / (1 - a) * beta
        if variance > 0:
            z = z + np.sqrt(variance) * r.draw()
        yield z / r.alpha[i + 1]


def plms(r, x):
    """Liu et al. 2022: the transfer of equation 11 with the linear multistep of equation 12; begins with a pseudo improved Euler step"""
    def transfer(z, i, e):
        a, b = r.alpha[i] ** 2, r.alpha[i + 1] ** 2
        return np.sqrt(b / a) * z - (b - a) * e / (np.sqrt(a) * (np.sqrt((1 - b) * a) + np.sqrt((1 - a) * b)))
    z, es = x * r.alpha[0], []
    for i in range(r.n):
        e = r.at(z, i)[1]
        es.insert(0, e)
        if i == 0:
            new = transfer(z, i, e)
            if r.n > 1:
                new = transfer(z, i, (e + r.at(new, 1)[1]) / 2)
            z = new
        else:
            if i == 1:
                e = (3 * es[0] - es[1]) / 2
            elif i == 2:
                e = (23 * es[0] - 16 * es[1] + 5 * es[2]) / 12
            else:
                e = (55 * es[0] - 59 * es[1] + 37 * es[2] - 9 * es[3]) / 24
            z = transfer(z, i, e)
        yield z / r.alpha[i + 1]


def ipndm(r, x):
    """Zhang and Chen 2022: the same coefficients, fewer in the first steps"""
    table = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]]
    es = []
    for i in range(r.n):
        es.insert(0, r.at(x * r.alpha[i], i)[1])
        e = sum(c * v for c, v in zip(table[min(i, 3)], es))
        x = x + (r.sig[i + 1] - r.sig[i]) * e
        yield x


def deis(r, x):
    """Zhang and Chen 2022, tAB-DEIS with polynomials in log rho, integrated numerically over rho"""
    z, es = x * r.alpha[0], []
    for i in range(r.n):
        es.insert(0, r.at(z, i)[1])
        y = z / r.alpha[i]
        if r.sig[i + 1] == 0:
            y = y - r.sig[i] * es[0]
        else:
            m = min(i + 1, r.order)
            places = [np.log(r.sig[i - j]) for j in range(m)]
            for j in range(m):
                basis = lambda rho: np.prod([(np.log(rho) - places[k]) / (places[j] - places[k]) for k in range(m) if k != j])
                y = y + es[j] * integrate.quad(basis, r.sig[i], r.sig[i + 1], epsrel=1e-11)[0]
        z = y * r.alpha[i + 1]
        yield y


def unipc(r, x):
    """Zhao et al. 2023, algorithms 1 and 2 with B2(h) = e^h - 1, multistep, predictions of the picture (appendix)"""
    def conditions(hh, rks):
        """R and b of the paper: sum of a_m r_m^(k-1) = k! phi_(k+1)(hh) hh / B"""
        B = np.expm1(hh)
        phi = B / hh - 1
        R, b, f = [], [], 1.0
        for k in range(1, len(rks) + 1):
            R.append(np.array(rks) ** (k - 1))
            b.append(phi * f / B)
            f *= k + 1
            phi = phi / hh - 1 / f
        return np.array(R), np.array(b), B

    z, before, pictures, last_order = x * r.alpha[0], None, [], 0
    for i in range(r.n):
        D = r.at(z, i)[0]
        if i > 0:
            h = r.lam[i] - r.lam[i - 1]
            rks = [(r.lam[i - 1 - m] - r.lam[i - 1]) / h for m in range(1, last_order)] + [1.0]
            R, b, B = conditions(-h, rks)
            rho = np.array([0.5]) if last_order == 1 else np.linalg.solve(R, b)
            differences = [(pictures[m] - pictures[0]) / rks[m - 1] for m in range(1, last_order)] + [D - pictures[0]]
            z = r.s[i] / r.s[i - 1] * before - r.alpha[i] * B * pictures[0] - r.alpha[i] * B * sum(c * d for c, d in zip(rho, differences))
        pictures.insert(0, D)
        order = min(r.order, r.n - i, i + 1)
        before = z
        if r.sig[i + 1] == 0:
            z = D
        else:
            h = r.lam[i + 1] - r.lam[i]
            rks = [(r.lam[i - m] - r.lam[i]) / h for m in range(1, order)] + [1.0]
            R, b, B = conditions(-h, rks)
            rho = np.array([0.5]) if order == 2 else np.linalg.solve(R[:-1, :-1], b[:-1]) if order > 2 else np.array([])
            differences = [(pictures[m] - pictures[0]) / rks[m - 1] for m in range(1, order)]
            z = r.s[i + 1] / r.s[i] * z - r.alpha[i + 1] * B * pictures[0]
            if order > 1:
                z = z - r.alpha[i + 1] * B * sum(c * d for c, d in zip(rho, differences))
        last_order = order
        yield z / r.alpha[i + 1]


def lcm(r, x):
    """Luo et al. 2023, algorithm 3; boundary condition as in consistency models with sigma_data 0.5 and time steps times 10"""
    z = x * r.alpha[0]
    for i in range(r.n):
        picture = r.at(z, i)[0]
        t = r.times[i] * 10
        z = 0.25 / (t ** 2 + 0.25) * z + t / np.sqrt(t ** 2 + 0.25) * picture
        if r.sig[i + 1] > 0:
            z = r.alpha[i + 1] * z + r.s[i + 1] * r.draw()
        yield z / r.alpha[i + 1]


def tcd(r, x):
    """Zheng et al. 2024, algorithm 4 (strategic stochastic sampling) with gamma = eta"""
    z = x * r.alpha[0]
    for i in range(r.n):
        picture, e = r.at(z, i)
        last = i == r.n - 1
        s = int(np.floor((1 - r.eta) * (0 if last else r.times[i + 1])))
        bar_s = r.noise.bars[s]
        z = np.sqrt(bar_s) * picture + np.sqrt(1 - bar_s) * e
        if not last and r.eta > 0:
            ratio = r.alpha[i + 1] ** 2 / bar_s
            z = np.sqrt(ratio) * z + np.sqrt(1 - ratio) * r.draw()
        yield z / r.alpha[i + 1]


SAMPLERS = {
    "Euler": (euler, 0, 0), "Euler a": (euler, 1, 0), "Heun": (heun, 0, 0), "DPM2": (dpm2, 0, 0), "DPM2 a": (dpm2, 1, 0), "LMS": (lms, 0, 4),
    "DPM++ 2S a": (dpmpp_2s, 1, 0), "DPM++ 2M": (dpmpp_2m, 0, 0), "DPM++ 2M v2": (lambda r, x: dpmpp_2m(r, x, True), 0, 0),
    "DPM++ 2M SDE": (dpmpp_2m_sde, 1, 0), "DPM++ 2M SDE Heun": (lambda r, x: dpmpp_2m_sde(r, x, True), 1, 0), "DPM++ 3M SDE": (dpmpp_3m_sde, 1, 0),
    "DPM++ SDE": (dpmpp_sde, 1, 0), "DDIM": (ddim, 0, 0), "DDPM": (ddpm, 1, 0), "PLMS": (plms, 0, 0), "UniPC": (unipc, 0, 2), "DEIS": (deis, 0, 2),
    "IPNDM": (ipndm, 0, 0), "LCM": (lcm, 0, 0), "TCD": (tcd, 0.3, 0),
}
KEEP_VARIANCE = {"DDIM", "DDPM", "PLMS", "UniPC", "DEIS", "LCM", "TCD"}


def case(sampler, schedule, steps, prediction="epsilon", zero_snr=False, beta_schedule="scaled_linear", eta=None, order=None, ends_at_zero=True, offset=1):
    function, usual_eta, usual_order = SAMPLERS[sampler]
    noise = Noise(prediction, beta_schedule, zero_snr)
    sig, times = levels(noise, schedule, steps, offset, ends_at_zero and sampler != "TCD")
    run = Run(noise, sig, times, 7, usual_eta if eta is None else eta, usual_order if order is None else order)
    keeps = sampler in KEEP_VARIANCE
    initial = np.sqrt(sig[0] ** 2 + 1) if keeps or schedule == "DDIM" else sig[0]
    start = (np.random.default_rng(3).standard_normal(SIZE) * initial).astype(np.float32).astype(float)
    samples = list(function(run, start))
    result = samples[-1] / np.sqrt(sig[-1] ** 2 + 1) if keeps else samples[-1]
    return {"sampler": sampler, "schedule": schedule, "steps": steps, "prediction": prediction, "zeroSnr": zero_snr, "betaSchedule": beta_schedule,
            "eta": eta, "order": order, "endsAtZero": ends_at_zero, "offset": offset, "initialSigma": float(initial),
            "sigmas": sig.tolist(), "timesteps": times.tolist(), "start": start.tolist(), "noise": [d.tolist() for d in run.draws],
            "evaluations": run.evaluations, "samples": [s.tolist() for s in samples], "result": result.tolist()}


def cases():
    usual = lambda name: "Consistency" if name in ("LCM", "TCD") else "DDIM" if name in ("DDIM", "DDPM", "PLMS") else "Uniform"
    for name in SAMPLERS:
        yield case(name, usual(name), 8)
        yield case(name, usual(name), 8, prediction="v_prediction")
        yield case(name, "Trailing", 6, prediction="v_prediction", zero_snr=True)
        yield case(name, "Karras", 7)
        yield case(name, usual(name), 1)
        yield case(name, "SGM Uniform" if usual(name) == "Uniform" else usual(name), 5, ends_at_zero=False)
        yield case(name, "SGM Uniform", 4, prediction="sample")
    for schedule in ("Uniform", "Karras", "Exponential", "SGM Uniform", "Simple", "Beta", "Align Your Steps", "Align Your Steps XL", "Trailing", "DDIM"):
        for steps in (1, 2, 10, 23):
            yield case("DPM++ 2M", schedule, steps)
    for eta in (0.0, 0.4, 1.0):
        for name in ("DDIM", "Euler a", "DPM2 a", "DPM++ 2S a", "DPM++ 2M SDE", "DPM++ 3M SDE", "TCD"):
            yield case(name, usual(name), 6, eta=eta)
    for order in (1, 2, 3):
        for name in ("UniPC", "DEIS", "LMS"):
            yield case(name, "Uniform", 9, order=order)
    for betas in ("linear", "squaredcos_cap_v2"):
        yield case("Euler", "Uniform", 5, beta_schedule=betas)
    yield case("PLMS", "DDIM", 20, ends_at_zero=False)


if __name__ == "__main__":
    rows = list(cases())
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "samplers.json"), "w") as file:
        # One case in a line.
        file.write("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
    print(len(rows), "cases")
