import type { Profile } from '../gpu/profile.js';
import type { Report } from './report.js';
export const profilePage = (report: Report, profile: Profile) => JSON.stringify([report, profile.wall]);
